"""A served study follows what changes, and keeps what works; without processes."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.serving import metrics, studies
from neigung.serving.clock import Clock
from neigung.serving.pinned import Pinned
from neigung.serving.studies import ServedStudy
from neigung.study import Study
from neigung.tracking import registry
from tests.serving.versions import damage, elect, register

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


class Clocks:
    """A wall clock that can be set, and a steady one."""

    def __init__(self) -> None:
        self.wall, self.tick = START.timestamp(), 0.0
        self.clock = Clock(lambda: self.wall, lambda: self.tick)

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.tick += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def served(house: Path, clocks: Clocks) -> ServedStudy:
    """The study discount, which covers everybody who has not objected."""
    pinned = Pinned(house / "pinned")
    pinned.write(*registry.load("discount", "champion"))
    place = house / "snapshots" / "discount"
    return ServedStudy(Study.load("discount.yaml"), place, pinned, clock=clocks.clock)


@pytest.fixture
def consents(house: Path) -> Path:
    return house / "simulated" / "consents" / "part-0000.parquet"


def object_to(consents: Path, customer_id: str, at: dt.datetime) -> None:
    instant = pd.Timestamp(at).tz_convert("UTC").tz_localize(None)
    frame = pd.read_parquet(consents)
    row = dict.fromkeys(frame.columns) | {
        "customer_id": customer_id,
        "occurred_at": instant,
        "known_at": instant,
        "purpose": "marketing",
        "granted": False,
    }
    row = {name: value for name, value in row.items() if name in frame.columns}
    pd.concat([frame, pd.DataFrame([row])]).to_parquet(consents, index=False)


def somebody(served: ServedStudy) -> str:
    """A customer who is covered."""
    ids = (f"c{number:08d}" for number in range(10_000))
    found = served.loaded.snapshot.find
    return next(one for one in ids if found(one) is not None and served.standing.covers(one))


def test_a_clock_that_is_set_back_goes_on(clocks: Clocks) -> None:
    before = clocks.clock.now()
    clocks.wall -= 86_400
    clocks.tick += 5
    assert clocks.clock.now() == before + dt.timedelta(seconds=5)
    clocks.pass_by(10)
    assert clocks.clock.now() == before + dt.timedelta(seconds=15)


def test_a_clock_that_jumps_ahead_is_believed(clocks: Clocks) -> None:
    before = clocks.clock.now()
    clocks.wall += 86_400
    assert clocks.clock.now() == before + dt.timedelta(days=1)
    clocks.wall -= 86_400
    clocks.tick += 1
    assert clocks.clock.now() == before + dt.timedelta(days=1, seconds=1)


def test_an_objection_holds_when_the_clock_is_set_back(
    served: ServedStudy, clocks: Clocks, consents: Path
) -> None:
    who = somebody(served)
    clocks.pass_by(60)
    object_to(consents, who, START + dt.timedelta(seconds=30))
    served.refresh()
    assert (served.problems, served.standing.covers(who)) == ({}, False)
    clocks.wall -= 86_400
    consents.touch()
    served.refresh()
    assert (served.problems, served.standing.covers(who)) == ({}, False)


def test_an_objection_dated_ahead_counts_when_its_time_comes(
    served: ServedStudy, clocks: Clocks, consents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(studies.time, "monotonic", lambda: now[0])
    who = somebody(served)
    object_to(consents, who, START + dt.timedelta(seconds=5))
    served.refresh()
    assert served.standing.covers(who)
    clocks.pass_by(30)
    now[0] += 30
    served.refresh()
    assert not served.standing.covers(who)


def test_consents_that_vanish_or_break_stay_as_they_were(
    served: ServedStudy, consents: Path
) -> None:
    who = somebody(served)
    object_to(consents, who, START - dt.timedelta(days=1))
    served.refresh()
    assert not served.standing.covers(who)
    content = consents.read_bytes()
    for change in (
        lambda: consents.write_bytes(content[:-100]),
        lambda: shutil.rmtree(consents.parent),
        lambda: consents.parent.mkdir(),
    ):
        change()
        served.refresh()
        assert set(served.problems) == {"consents"}
        assert not served.standing.covers(who)
    consents.write_bytes(content)
    served.refresh()
    assert served.problems == {}
    assert not served.standing.covers(who)
    assert served.consents_age() < 60


def test_the_age_of_consents_grows_while_they_cannot_be_read(
    served: ServedStudy, consents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = studies.time.monotonic()
    monkeypatch.setattr(studies.time, "monotonic", lambda: now + 100)
    served.refresh()
    assert served.consents_age() == pytest.approx(0)
    consents.write_bytes(b"broken")
    monkeypatch.setattr(studies.time, "monotonic", lambda: now + 300)
    served.refresh()
    assert served.consents_age() == pytest.approx(200)


def test_a_snapshot_that_is_copied_file_by_file_is_taken_once_it_is_whole(
    served: ServedStudy, house: Path
) -> None:
    place = house / "snapshots" / "discount"
    whole = house / "whole"
    shutil.copytree(place, whole)
    before = served.loaded
    shutil.rmtree(place)
    place.mkdir()
    shutil.copy(whole / "snapshot.json", place)
    served.refresh()
    assert set(served.problems) == {"snapshot"}
    assert served.loaded is before
    shutil.copytree(whole, place, dirs_exist_ok=True, copy_function=copy_but(place))
    served.refresh()
    assert served.problems == {}
    assert served.loaded is not before


def copy_but(place: Path) -> Any:
    """Copies what is not there yet."""

    def copy(source: str, target: str) -> None:
        if not Path(target).exists():
            shutil.copy2(source, target)

    return copy


def test_a_version_and_a_snapshot_that_suit_each_other_only_come_together(
    served: ServedStudy, house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after features of a study were exchanged for others."""
    old = served.loaded.snapshot
    check = studies.check_version

    def strict(study: Any, artefact: Any, info: Any, snapshot: Any) -> Any:
        if (info.version == 1) != (snapshot is old):
            raise InputError("It does not hold a column.")
        return check(study, artefact, info, snapshot)

    monkeypatch.setattr(studies, "check_version", strict)
    elect(register("two", "discount"), "discount")
    served.refresh()
    assert (set(served.problems), served.loaded.info.version) == ({"champion"}, 1)
    (house / "snapshots" / "discount" / "features.arrow").touch()
    served.refresh()
    assert served.loaded.info.version == 2
    assert served.loaded.snapshot is not old
    served.refresh()
    assert served.problems == {}


def test_a_champion_is_pinned_for_workers_to_come(served: ServedStudy, house: Path) -> None:
    pinned = Pinned(house / "pinned")
    elect(register("two", "discount"), "discount")
    served.refresh()
    assert (served.problems, pinned.info("discount").version) == ({}, 2)
    elect(register("three", "discount", damaged="artefact.json"), "discount")
    served.refresh()
    assert (set(served.problems), served.loaded.info.version) == ({"champion"}, 2)
    assert pinned.info("discount").version == 2


def test_a_damaged_snapshot_is_read_once_and_refused(
    served: ServedStudy, house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = house / "snapshots" / "discount"
    fresh = house / "fresh"
    shutil.copytree(place, fresh)
    damage(fresh / "features.arrow")
    place.rename(house / "old")
    fresh.rename(place)
    before, reads = served.loaded, []
    opened = studies.open_snapshot
    monkeypatch.setattr(studies, "open_snapshot", lambda *a: reads.append(a) or opened(*a))
    for _ in range(3):
        served.refresh()
        assert set(served.problems) == {"snapshot"}
    assert (served.loaded, len(reads)) == (before, 1)


def test_the_gauges_of_dead_workers_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    live = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    names = [f"gauge_livemin_{one.pid}.db" for one in (dead, live)] + [f"counter_{dead.pid}.db"]
    for name in names:
        (tmp_path / name).touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    metrics.forget_the_dead()
    live.communicate(b"\n")
    assert {file.name for file in tmp_path.iterdir()} == set(names[1:])
