"""What may happen to a service that runs: processes, disks, stores, models and keys that go."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pyarrow as pa
import pytest

from neigung.serving.access import add_key, revoke_key
from neigung.serving.decision_log import DecisionLog
from neigung.serving.secret import load_secret
from neigung.snapshots.read import Snapshot
from neigung.snapshots.write import write_snapshot
from tests.processes import PATIENCE, free_port, wait_for
from tests.serving.conftest import STUDIES
from tests.serving.faults import (
    ask,
    assert_unavailable,
    away,
    codes,
    fill,
    gauge,
    put,
    received,
    save,
    serves,
    settled,
    slow,
    troubles,
    unless_ok,
)
from tests.serving.load import Load, profile
from tests.serving.running import Running, running
from tests.serving.versions import elect, register


@pytest.fixture(scope="module")
def shaken(light: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with two workers, to which tests do what they like, and put it right again."""
    folder = tmp_path_factory.mktemp("shaken") / "house"
    shutil.copytree(light, folder)
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    mounted = not os.geteuid() and not subprocess.run(mount, capture_output=True).returncode
    try:
        with running(folder, studies=STUDIES, log="sqlite:///disk/decisions.db") as one:
            yield one
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture(scope="module")
def frail(
    light: Path, shaken: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A service of one worker that takes two requests at once; it shares the log of the other."""
    folder = tmp_path_factory.mktemp("frail") / "house"
    shutil.copytree(light, folder)
    changes: dict[str, Any] = {
        "workers": 1,
        "log": shaken.settings.log,
        "log_key": shaken.settings.log_key,
        "consent_max_age_seconds": 4.0,
        "limits": {"in_flight": 2, "body_seconds": 60},
    }
    with running(folder, studies=STUDIES, **changes) as one:
        yield one


@pytest.fixture(autouse=True)
def at_home(shaken: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(shaken.folder)


@pytest.fixture(scope="module")
def known(light: Path) -> list[str]:
    """Customers whom the study buy predicts for."""
    return column(light, "features", "customer_id")


@pytest.fixture
def log(shaken: Running) -> Iterator[DecisionLog]:
    key = load_secret("NEIGUNG_LOG_KEY", Path(shaken.settings.log_key))
    with DecisionLog.open(shaken.settings.log, key) as log:
        yield log


def column(folder: Path, file: str, name: str) -> list[str]:
    with pa.memory_map(str(folder / "snapshots" / "buy" / f"{file}.arrow")) as source:
        found: list[str] = pa.ipc.open_file(source).read_all()[name].to_pylist()
    return found


@pytest.mark.slow
def test_a_killed_worker_takes_only_its_requests_with_it(
    shaken: Running, known: list[str], log: DecisionLog
) -> None:
    before = shaken.workers()
    assert len(before) == 2
    with Load(shaken, known[0]) as load:
        load.more(20)
        os.kill(before[0], signal.SIGKILL)
        # While the other worker answers, this one starts on what is left of the machine.
        wait_for(lambda: [one for one in shaken.workers() if one not in before and serves(one)])
        load.more(20)
    assert len(load.bad) <= 4  # one for each client
    assert {one.status for one in load.bad} <= {None}
    new = [one.customer_id for one in load.answers if one.predicted and "new-" in one.customer_id]
    assert len(new) >= 15
    assert [one for one in new if not log.why(one)] == []
    assert len(shaken.workers()) == 2


def test_a_full_disk_means_no_answers_until_there_is_room(
    shaken: Running, known: list[str], log: DecisionLog
) -> None:
    disk = shaken.folder / "disk"
    if not disk.is_mount():
        pytest.skip("a small disk can be mounted by root only")
    filler = disk / "filler"
    try:
        fill(filler)
        sent = [profile(f"full-{number}") for number in range(50)]
        refused = wait_for(lambda: unless_ok(ask(shaken, "discount", *sent)))
        assert_unavailable(refused, "unavailable")
        assert shaken.get("/livez").status_code == 200
    finally:
        filler.unlink()
    settled(lambda: ask(shaken, "discount", profile("room")).status_code == 200)
    assert log.why("room")


def test_a_log_that_vanished_means_no_answers_until_it_is_back(
    shaken: Running, known: list[str], log: DecisionLog
) -> None:
    assert ask(shaken, "discount", profile("before")).status_code == 200
    log.close()
    files = list((shaken.folder / "disk").glob("decisions.db*"))
    hidden = shaken.folder / "disk" / "hidden"
    hidden.mkdir()
    for file in files:
        file.rename(hidden / file.name)
    try:
        for _ in range(6):
            assert_unavailable(ask(shaken, "discount", profile("meanwhile")), "unavailable")
        # What needs no entry is answered.
        assert ask(shaken, "discount", "nobody").status_code == 200
    finally:
        for file in files:
            (hidden / file.name).rename(file)
        hidden.rmdir()
    settled(lambda: ask(shaken, "discount", profile("after")).status_code == 200)
    assert [bool(log.why(one)) for one in ("before", "meanwhile", "after")] == [True, False, True]


@pytest.mark.slow
def test_a_snapshot_is_replaced_under_load(shaken: Running, known: list[str]) -> None:
    place = shaken.folder / "snapshots" / "buy"
    newest = shaken.folder / "newest"
    shutil.copytree(place, newest)
    cutoff = Snapshot.open(newest).cutoff
    earlier = cutoff - dt.timedelta(days=20)
    older = shaken.folder / "older"
    write_snapshot("buy.yaml", older, earlier)
    known = [one for one in known if Snapshot.open(older).find(one) is not None]
    with Load(shaken, known[0]) as load:
        for source in (older, newest) * 5 + (older,):
            put(place, source)
            time.sleep(0.1)
        wait_for(lambda: all_of(load.more(20), earlier))
        put(place, newest)
        wait_for(lambda: all_of(load.more(20), cutoff))
        put(place, older, damaged="features.arrow")
        wait_for(lambda: gauge(shaken, "neigung_troubles", "buy") == 1)
        wait_for(lambda: troubles(shaken) == ["snapshot"])
        assert all_of(load.more(20), cutoff)
        shutil.rmtree(place)
        time.sleep(2)  # in which each worker looks once more
        assert troubles(shaken) == ["snapshot"]
        assert all_of(load.more(20), cutoff)
        put(place, newest)
        wait_for(lambda: gauge(shaken, "neigung_troubles", "buy") == 0)
    assert load.bad == []


def all_of(answers: list[Any], cutoff: dt.datetime) -> bool:
    found = [one.predicted["cutoff"] for one in answers if "new-" not in one.customer_id]
    return bool(found) and {dt.datetime.fromisoformat(one) for one in found} <= {
        cutoff,
        cutoff.replace(tzinfo=dt.UTC),
    }


def test_a_new_champion_is_followed_and_a_broken_one_is_not(
    shaken: Running, known: list[str]
) -> None:
    with Load(shaken, known[0]) as load:
        two, three = register("two"), register("three", damaged="model.txt")
        elect(two)
        wait_for(lambda: gauge(shaken, "neigung_model_version", "buy") == two)
        assert {version(one) for one in load.more(20)} == {two, None}
        elect(three)
        wait_for(lambda: gauge(shaken, "neigung_troubles", "buy") == 1)
        settled(lambda: troubles(shaken) == ["champion"])
        assert {version(one) for one in load.more(20)} == {two, None}
        elect(1)
        wait_for(lambda: gauge(shaken, "neigung_troubles", "buy") == 0)
        wait_for(lambda: {version(one) for one in load.more(20)} == {1, None})
    assert load.bad == []
    said = f"study buy: champion stays as it was: TrackingError: The artefact of version {three} "
    assert said in shaken.log()


def version(answer: Any) -> int | None:
    """The version that answered for the study buy."""
    return None if "new-" in answer.customer_id else answer.predicted["model_version"]


def test_consents_count_soon_without_a_restart(shaken: Running, known: list[str]) -> None:
    place = shaken.folder / "small" / "consents.parquet"
    before = pd.read_parquet(place)
    others = zip(
        column(shaken.folder, "others", "customer_id"),
        column(shaken.folder, "others", "code"),
        strict=True,
    )
    refused = next(name for name, code in others if code == "no_consent")
    sent = {"profile": {"customer_id": refused, **orders()}, "cutoff": "2025-05-01T00:00:00"}
    assert (codes(shaken, "buy", known[0]), codes(shaken, "buy", sent)) == ([], ["no_consent"])
    instant = pd.Timestamp.now("UTC").tz_localize(None)
    row = {"occurred_at": instant, "known_at": instant, "purpose": "profiling", "channel": None}
    said = [
        {"customer_id": known[0], **row, "granted": False},
        {"customer_id": refused, **row, "granted": True},
    ]
    try:
        save(pd.concat([before, pd.DataFrame(said)]), place)
        settled(lambda: codes(shaken, "buy", known[0]) == ["no_consent"])
        settled(lambda: codes(shaken, "buy", sent) == [])
        assert codes(shaken, "buy", known[1]) == []
    finally:
        save(before, place)
    settled(lambda: codes(shaken, "buy", known[0]) == [])


def orders() -> dict[str, Any]:
    line = {"occurred_at": "2025-04-20T10:00:00", "order_id": "o1", "net_value": 20.0}
    return {"order_lines": [line]}


def test_a_revoked_key_opens_nothing_from_the_next_request_on(
    shaken: Running, known: list[str]
) -> None:
    keys = Path(shaken.settings.keys)
    body = {"customers": [{"customer_id": known[0]}], "studies": ["buy"]}
    with shaken.client(add_key(keys, "for-a-day", ["predict:buy"])) as client:
        assert [client.post("/v1/predict", json=body).status_code for _ in range(4)] == [200] * 4
        revoke_key(keys, "for-a-day")
        for _ in range(4):
            answer = client.post("/v1/predict", json=body)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_tenant_learns_nothing_of_the_others(shaken: Running, known: list[str]) -> None:
    key = add_key(Path(shaken.settings.keys), "tenant", ["predict:discount", "models"])
    customers = [{"customer_id": known[0]}]
    with shaken.client(key) as client:
        said = []
        for study in ("buy", "no_such_study"):
            answer = client.post("/v1/predict", json={"customers": customers, "studies": [study]})
            assert answer.status_code == 403
            content = answer.json()
            content.pop("instance")
            said.append(content)
        assert said[0] == said[1]
        answer = client.post("/v1/offers", json={"customers": customers, "study": "discount"})
        assert answer.status_code == 403
        assert client.get("/metrics").status_code == 403
        assert [one["study"] for one in client.get("/v1/models").json()["models"]] == ["discount"]
        found = client.post("/v1/predict", json={"customers": customers}).json()["customers"]
    assert [one["study"] for one in found[0]["refusals"]] == ["discount"]
    assert found[0]["predictions"] == []


def test_one_request_too_many_is_refused_at_once(frail: Running) -> None:
    body = json.dumps({"customers": [profile("patient")], "studies": ["discount"]}).encode()
    with slow(frail, body) as first, slow(frail, body):
        refused = wait_for(lambda: unless_ok(ask(frail, "discount", profile("third"))))
        assert_unavailable(refused, "unavailable")
        assert refused.elapsed.total_seconds() < 10  # far less than what it would wait for a body
        assert frail.get("/livez").status_code == 200
        assert frail.get("/v1/models").status_code == 200
        first.sendall(body)
        assert received(first).startswith(b"HTTP/1.1 200")
        wait_for(lambda: ask(frail, "discount", profile("third")).status_code == 200)


def test_it_goes_on_without_store_and_registry(frail: Running, known: list[str]) -> None:
    with away(frail.folder / "mlflow.db"), away(frail.folder / "simulated"):
        with away(frail.folder / "small"):
            wait_for(lambda: set(troubles(frail)) == {"champion", "consents"})
            assert ask(frail, "buy", known[0]).status_code == 200
            wait_for(lambda: ask(frail, "buy", known[0]).status_code != 200)
            answer = ask(frail, "buy", known[0])
            assert_unavailable(answer, "consents-unknown")
        wait_for(lambda: ask(frail, "buy", known[0]).status_code == 200)
        assert troubles(frail) == ["champion"]
    wait_for(lambda: troubles(frail) == [] == troubles(frail, "discount"))


def test_two_services_share_a_log(shaken: Running, frail: Running, log: DecisionLog) -> None:
    both: Mapping[str, Running] = {"one": shaken, "two": frail}
    for number in range(10):
        for name, service in both.items():
            customer = profile(f"{name}-{number}")
            # A busy disk may keep one of them waiting too long; asked again, it must answer.
            wait_for(lambda: ask(service, "discount", customer).status_code == 200)  # noqa: B023
    for number in range(10):
        for name in both:
            assert log.why(f"{name}-{number}")


def test_the_command_serves_and_ends_on_a_signal_after_what_it_works_on(
    light: Path, shaken: Running, tmp_path: Path, log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = tmp_path / "house"
    shutil.copytree(light, house)
    monkeypatch.chdir(house)
    key = add_key(house / ".neigung" / "keys.json", "all", ["predict:*"])
    port = free_port()
    command = ["serve", "buy.yaml", "discount.yaml", "--port", port, "--log", shaken.settings.log]
    command += ["--log-key", shaken.settings.log_key, "--workers", 1]
    start = "from neigung.cli import main; main()"
    with (house / "service.log").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", start, *map(str, command)], stdout=out, stderr=out
        )
    service = replace(shaken, folder=house, url=f"http://127.0.0.1:{port}", key=key)
    service.process = process
    try:
        service.wait_until_ready()
        workers = service.workers()
        body = json.dumps({"customers": [profile("last")], "studies": ["discount"]}).encode()
        with slow(service, body) as one:
            wait_for(lambda: serves(workers[0]))
            time.sleep(0.3)  # in which it reads what is there
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            one.sendall(body)
            assert received(one).startswith(b"HTTP/1.1 200")
        assert process.wait(timeout=PATIENCE) == 0
        assert log.why("last")
        assert len(workers) == 1
        wait_for(lambda: not any(psutil.pid_exists(one) for one in workers))
    finally:
        if process.poll() is None:
            process.kill()
    assert "buy: version 1, " in service.log()
    assert "Traceback" not in service.log()
