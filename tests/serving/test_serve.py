"""What is said before a service starts, and the commands for its keys."""

from __future__ import annotations

import json
import re
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from neigung.errors import InputError
from neigung.serving import serve as serving
from neigung.serving.access import KeyRing, add_key
from neigung.serving.decision_log import DecisionLog
from neigung.serving.serve import prepare, settings_of
from neigung.serving.settings import PLACE, Settings
from neigung.tracking.connection import connected
from tests.conftest import Shop
from tests.serving.conftest import STUDIES
from tests.serving.versions import elect, register


@pytest.fixture
def served(house: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The command line in a house where nothing is missing; the server itself never starts."""
    monkeypatch.chdir(house)
    add_key(house / ".neigung" / "keys.json", "all", ["predict:*"])
    monkeypatch.setattr(serving.os, "execv", lambda *_: pytest.fail("it started"))
    return Shop(house, shop.run)


def missing(shop: Shop, *arguments: object) -> str:
    """The message of a service that cannot start."""
    ended = shop.run("serve", *(arguments or STUDIES))
    assert ended.code == 2
    assert "Serving on" not in ended.out
    return ended.message


def started(shop: Shop, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> tuple[str, Any]:
    """What is said at a start, and the command that the process becomes."""
    became: list[Any] = []

    def become(*command: Any) -> None:
        became.extend(command)
        raise SystemExit(0)

    monkeypatch.setattr(serving.os, "execv", become)
    monkeypatch.setattr(serving.os, "environ", dict(serving.os.environ))
    ended = shop.run("serve", *arguments)
    assert (ended.code, ended.err) == (0, "")
    return ended.out, became[1]


def test_a_start_tells_what_is_served(served: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    out, command = started(served, monkeypatch, *STUDIES, "--port", 4321)
    assert re.search(r"^buy: version 1, \d+ customers as of 20\d\d-\d\d-\d\d \d\d:\d\d$", out, re.M)
    assert re.search(r"^discount: version 1, [\d,]+ customers as of ", out, re.M)
    assert "Serving on http://127.0.0.1:4321 " in out
    assert "Note" not in out
    assert (served.folder / ".neigung" / "serving-4321").stat().st_mode & 0o077 == 0
    assert command[command.index("--port") + 1] == "4321"
    written = Settings.read(Path(serving.os.environ[PLACE]))
    assert written.studies == tuple(str(served.folder / one) for one in STUDIES)
    assert written.log == f"sqlite:///{served.folder}/.neigung/decisions.db"
    assert (served.folder / ".neigung" / "decisions.db").exists()
    secret = served.folder / ".neigung" / "log.key"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_the_secret_of_the_log_stays_the_same(served: Shop) -> None:
    settings = Settings(studies=STUDIES)
    prepare(settings)
    before = Path(settings.log_key).read_bytes()
    prepare(settings)
    assert Path(settings.log_key).read_bytes() == before


def test_a_snapshot_of_another_version_is_noted(served: Shop) -> None:
    elect(register("two"))
    said = prepare(Settings(studies=("buy.yaml",)))
    assert said[0].startswith("buy: version 2, ")
    assert said[1].startswith("  Note: the snapshot does not hold the contributions of version 2")


def test_a_study_that_is_not_there(served: Shop) -> None:
    assert "nowhere.yaml" in missing(served, "nowhere.yaml")


def test_a_study_named_twice(served: Shop) -> None:
    message = missing(served, "buy.yaml", "discount.yaml", "buy.yaml")
    assert message == "Each study can be served once, but buy is named twice."


def test_no_snapshot(served: Shop) -> None:
    shutil.rmtree("snapshots/buy")
    place = served.folder / "snapshots" / "buy"
    assert missing(served) == (
        f"The service needs the snapshot of study buy in {place}, and there is none. Write it "
        f"with `neigung features {served.folder}/buy.yaml --snapshot {place}`."
    )


def test_a_damaged_snapshot(served: Shop) -> None:
    Path("snapshots/buy/features.arrow").write_bytes(b"short")
    assert "snapshots/buy/features.arrow must be as `neigung features" in missing(served)


def test_a_snapshot_of_another_study(served: Shop) -> None:
    shutil.rmtree("snapshots/buy")
    shutil.copytree("snapshots/discount", "snapshots/buy")
    assert "it is that of discount" in missing(served)


def test_a_study_that_changed_since_its_champion(served: Shop) -> None:
    content = yaml.safe_load(Path("buy.yaml").read_text())
    content["target"]["horizon_days"] = 30
    Path("buy.yaml").write_text(yaml.safe_dump(content))
    assert "was trained with another target" in missing(served)


def test_no_consents(served: Shop) -> None:
    Path("small/consents.parquet").unlink()
    assert "needs the table consents" in missing(served)


def test_no_store_of_models(served: Shop) -> None:
    Path("mlflow.db").unlink()
    ended = served.run("serve", *STUDIES)
    assert ended.code != 0
    assert "There is no MLflow store at" in ended.message


def test_no_champion(served: Shop) -> None:
    with connected() as client:
        client.delete_registered_model_alias("buy", "champion")
    ended = served.run("serve", *STUDIES)
    assert ended.code != 0
    assert "Study buy has no champion yet (registered: 1)" in ended.message


def test_no_file_of_keys(served: Shop) -> None:
    Path(".neigung/keys.json").unlink()
    assert "A file of API keys is needed, found none at " in missing(served)


def test_no_key_that_counts(served: Shop) -> None:
    assert served.run("keys", "revoke", "all").code == 0
    assert missing(served) == (
        f"The service needs an API key in {served.folder}/.neigung/keys.json, and there is none "
        "that counts. Add one with `neigung keys add NAME --scope predict:*`."
    )


def test_a_secret_that_is_too_short(served: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEIGUNG_LOG_KEY", "short")
    assert "A secret of at least 32 bytes is needed" in missing(served)


def test_a_log_begun_with_another_secret(served: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(Settings(studies=STUDIES))
    monkeypatch.setenv("NEIGUNG_LOG_KEY", "x" * 32)
    assert "needs the key that it was begun with" in missing(served)


@pytest.mark.parametrize("url", ["mysql://host/log", "sqlite://", "decisions.db"])
def test_a_log_that_is_none(served: Shop, url: str) -> None:
    message = missing(served, *STUDIES, "--log", url)
    assert "A decision log needs sqlite:///PATH or postgresql://USER@HOST/DATABASE" in message


def test_settings_of_a_file_and_of_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"workers": 5, "limits": {"in_flight": 3}, "studies": ["a.yaml"]}))
    found = settings_of(path, workers=1, studies=("b.yaml",))
    assert (found.workers, found.limits.in_flight, found.studies) == (1, 3, ("b.yaml",))
    assert settings_of(None, studies=("b.yaml",)) == Settings(studies=("b.yaml",))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (None, "No such file"),
        ("{", "Expecting property name"),
        ("[]", "mapping"),
        ('{"wrokers": 2}', "wrokers"),
        ('{"limits": {"in_flight": 0}}', "in_flight"),
        ('{"limits": {"in_fligth": 3}}', "in_fligth"),
        ('{"poll_seconds": 0}', "poll_seconds"),
        ('{"poll_seconds": NaN}', "poll_seconds"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, text: str | None, part: str) -> None:
    path = tmp_path / "settings.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match="Settings of the service as JSON are needed") as caught:
        settings_of(path, studies=("buy.yaml",))
    assert part in str(caught.value)
    assert str(path) in str(caught.value)


def test_options_of_the_command_line_do_not_hide_the_file(
    served: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"workers": 3, "log": "sqlite:///elsewhere.db", "poll_seconds": 2}
    Path("more.json").write_text(json.dumps(more))
    started(served, monkeypatch, *STUDIES, "--settings", "more.json", "--log", "sqlite:///here.db")
    written = Settings.read(Path(serving.os.environ[PLACE]))
    assert (written.workers, written.poll_seconds) == (3, 2.0)
    assert written.log == f"sqlite:///{served.folder}/here.db"


def test_a_worker_without_settings_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PLACE, raising=False)
    with pytest.raises(InputError, match=f"{PLACE} names no file. Start it with `neigung serve`"):
        Settings.read()


def test_a_key_is_shown_once_and_counts_until_it_is_revoked(shop: Shop) -> None:
    added = shop.run("keys", "add", "crm", "--scope", "predict:*", "--scope", "models")
    assert added.code == 0
    key = added.out.strip()
    assert "\n" not in key
    assert "shown this once" in added.err
    path = shop.folder / ".neigung" / "keys.json"
    assert key not in path.read_text()
    found = KeyRing(path).find(key.encode())
    assert found is not None
    assert (found.name, found.scopes) == ("crm", {"predict:*", "models"})
    listed = shop.run("keys", "list")
    [line] = listed.out.splitlines()
    assert line.split("\t")[:2] == ["crm", "counts"]
    assert line.endswith("\tpredict:* models")
    assert key not in listed.out
    assert shop.run("keys", "revoke", "crm").out == "crm is revoked.\n"
    assert KeyRing(path).find(key.encode()) is None
    assert "\trevoked 2" in shop.run("keys", "list").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "crm"], None),
        (["add", "crm", "--scope", "everything"], "found 'everything'"),
        (["add", "c r m", "--scope", "models"], "A name of up to 64 letters"),
        (["list"], "A file of API keys is needed, found none"),
        (["revoke", "crm"], "A file of API keys is needed, found none"),
    ],
)
def test_what_the_commands_for_keys_refuse(
    shop: Shop, arguments: list[str], message: str | None
) -> None:
    ended = shop.run("keys", *arguments)
    assert ended.code == 2
    assert message is None or message in ended.message
    assert not (shop.folder / ".neigung" / "keys.json").exists()


def test_a_name_is_used_once(shop: Shop) -> None:
    shop.run("keys", "add", "crm", "--scope", "models")
    assert "which has a key or had one" in shop.run("keys", "add", "crm", "--scope", "docs").message
    message = shop.run("keys", "revoke", "erp").message
    assert message.startswith("A key named 'erp' is needed, .neigung/keys.json has crm.")


def test_a_log_below_a_folder_of_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "100%25 a?b #1"
    folder.mkdir()
    settings = Settings(studies=("s.yaml",)).resolved(folder, folder)
    with DecisionLog.open(settings.log, b"k" * 32, create=True):
        pass
    assert (folder / ".neigung" / "decisions.db").exists()
