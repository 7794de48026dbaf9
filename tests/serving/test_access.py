from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from neigung.errors import InputError
from neigung.serving import access
from neigung.serving.access import (
    GRACE_SECONDS,
    ApiKey,
    KeyRing,
    KeysError,
    add_key,
    list_keys,
    revoke_key,
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_key_is_random_and_only_its_hash_is_kept(path: Path) -> None:
    first, second = add_key(path, "shop", ["models"]), add_key(path, "crm", ["models"])
    assert first != second
    for key in (first, second):
        assert re.fullmatch(r"neigung_[A-Za-z0-9_-]{43}", key)
        assert key not in path.read_text()
        assert key[8:] not in path.read_text()
    assert [record.sha256 for record in list_keys(path)] == [
        hashlib.sha256(key.encode()).hexdigest() for key in (first, second)
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


def test_two_keys_are_told_apart_and_strangers_are_nobody(path: Path) -> None:
    shop, crm = add_key(path, "shop", ["predict:*"]), add_key(path, "crm", ["offers:spring"])
    ring = KeyRing(path)
    assert ring.find(shop.encode()) == ApiKey("shop", frozenset({"predict:*"}))
    assert ring.find(crm.encode()) == ApiKey("crm", frozenset({"offers:spring"}))
    for wrong in (b"", b"neigung_", shop[:-1].encode(), shop.encode() + b"A", b"\xff" * 43):
        assert ring.find(wrong) is None
    assert ring.find(list_keys(path)[0].sha256.encode()) is None


def test_every_key_is_compared_in_constant_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [add_key(path, name, ["models"]) for name in ("a", "b", "c")]
    ring, compared, real = KeyRing(path), [], hmac.compare_digest

    def compare(stored: bytes, digest: bytes) -> bool:
        compared.append((stored, digest))
        return real(stored, digest)

    monkeypatch.setattr("hmac.compare_digest", compare)
    for key in (keys[0], keys[2], "neigung_wrong"):
        compared.clear()
        found = ring.find(key.encode())
        assert (found is None) == (key == "neigung_wrong")
        assert [stored for stored, _ in compared] == [
            bytes.fromhex(record.sha256) for record in list_keys(path)
        ]
        assert {digest for _, digest in compared} == {hashlib.sha256(key.encode()).digest()}


def test_scopes_name_the_action_and_the_study() -> None:
    key = ApiKey("shop", frozenset({"predict:churn", "offers:*", "metrics"}))
    assert key.allows("predict", "churn")
    assert key.allows("offers", "anything")
    assert key.allows("metrics")
    assert not key.allows("predict", "churn_2")
    assert not key.allows("predict", "*")
    assert not key.allows("predict", "chur")
    assert not key.allows("models")
    assert not key.allows("churn", "predict")
    assert [key.allows_any(action) for action in ("predict", "offers", "metrics", "docs")] == [
        True, True, True, False,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="name the study"):
        key.allows("predict")


def test_adding_and_revoking_count_without_a_restart(path: Path) -> None:
    shop = add_key(path, "shop", ["models"])
    ring = KeyRing(path)
    crm = add_key(path, "crm", ["models"])
    assert ring.find(crm.encode()) is not None
    assert revoke_key(path, "shop").revoked is not None
    assert ring.find(shop.encode()) is None
    assert ring.find(crm.encode()) is not None


def test_a_revoked_key_stays_in_the_list_as_it_was_revoked(path: Path) -> None:
    add_key(path, "shop", ["models", "docs", "models"])
    revoked = revoke_key(path, "shop")
    before = path.read_bytes()
    assert revoke_key(path, "shop") == revoked
    assert path.read_bytes() == before
    assert list_keys(path) == (revoked,)
    assert revoked.scopes == ("models", "docs")
    assert revoked.created <= revoked.revoked  # type: ignore[operator]
    with pytest.raises(InputError, match="'shop', which has a key or had one"):
        add_key(path, "shop", ["models"])


@pytest.mark.parametrize("name", ["", "a b", "ü", "-x", "a" * 65, "a\n", "../x"])
def test_names_that_cannot_be(path: Path, name: str) -> None:
    with pytest.raises(InputError, match="A name of up to 64 letters"):
        add_key(path, name, ["models"])
    assert not path.exists()


@pytest.mark.parametrize(
    "scopes", [[], ["predict"], ["models:churn"], ["models", "all"], ["predict:A"], ["predict:a\n"]]
)
def test_scopes_that_cannot_be(path: Path, scopes: list[str]) -> None:
    with pytest.raises(InputError, match="Scopes predict:STUDY") as error:
        add_key(path, "shop", scopes)
    assert (f"'{scopes[-1]}'" if scopes else "none") in str(error.value)
    assert not path.exists()


def test_a_key_that_is_not_there_cannot_be_revoked(path: Path) -> None:
    with pytest.raises(InputError, match="found none at"):
        revoke_key(path, "shop")
    add_key(path, "crm", ["models"])
    with pytest.raises(InputError, match=r"'shop' is needed, .* has crm\. Name one"):
        revoke_key(path, "shop")


DAMAGES = {
    "no JSON": b'{"keys": [',
    "empty": b"",
    "bytes": b"\xff\xfe",
    "a list": b"[]",
    "newer": b'{"format_version": 2, "keys": []}',
    "unknown fields": b'{"format_version": 1, "keys": [], "admin": true}',
    "a short hash": json.dumps(
        {
            "keys": [
                {"name": "a", "sha256": "ab", "scopes": ["docs"], "created": "2025-01-01T00:00Z"}
            ]
        }
    ).encode(),
}


@pytest.mark.parametrize("content", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_refused_and_never_written_over(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    for work in (
        lambda: KeyRing(path),
        lambda: add_key(path, "shop", ["models"]),
        lambda: revoke_key(path, "shop"),
    ):
        with pytest.raises(InputError, match="are damaged"):
            work()
    assert path.read_bytes() == content


def test_the_same_name_twice_is_damage(path: Path) -> None:
    add_key(path, "shop", ["models"])
    content = json.loads(path.read_text())
    content["keys"] *= 2
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="two keys have the same name"):
        list_keys(path)


def test_a_file_that_everybody_can_change_is_refused(path: Path) -> None:
    key = add_key(path, "shop", ["models"])
    ring = KeyRing(path)
    path.chmod(0o666)
    with pytest.raises(InputError, match="only its owner can change"):
        KeyRing(path)
    assert ring.find(key.encode()) is not None, "the keys known before count for a while"


def test_without_keys_no_service_starts(path: Path) -> None:
    with pytest.raises(InputError, match="`neigung keys add NAME --scope SCOPE`"):
        KeyRing(path)


def damage(path: Path) -> None:
    path.write_text("{")


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("harm", [damage, remove])
def test_the_last_good_keys_count_for_a_minute_and_then_none(path: Path, harm: object) -> None:
    key, clock = add_key(path, "shop", ["models"]).encode(), Clock()
    good = path.read_bytes()
    ring = KeyRing(path, clock)
    clock.now += 3600
    assert ring.find(key) is not None
    harm(path)  # type: ignore[operator]
    for _ in range(10):
        clock.now += GRACE_SECONDS / 10
        assert ring.find(key) is not None
        assert ring.find(b"wrong") is None
    clock.now += 0.1
    for presented in (key, b"wrong"):
        with pytest.raises(KeysError, match="missing or damaged for 60 s"):
            ring.find(presented)
    path.write_bytes(good)
    path.chmod(0o600)
    clock.now += 1
    assert ring.find(key) is not None, "and it recovers"


def test_what_was_not_looked_at_for_long_is_not_trusted(path: Path) -> None:
    key, clock = add_key(path, "shop", ["models"]).encode(), Clock()
    ring = KeyRing(path, clock)
    path.unlink()
    clock.now += GRACE_SECONDS + 1
    with pytest.raises(KeysError):
        ring.find(key)


def test_a_damaged_file_is_logged_once_and_without_its_content(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add_key(path, "shop", ["models"])
    clock = Clock()
    ring = KeyRing(path, clock)
    path.write_text('{"keys": "geheim"}')
    for _ in range(5):
        clock.now += 2
        ring.find(b"x")
    assert len(caplog.records) == 1
    assert "are damaged at keys" in caplog.text
    assert "geheim" not in caplog.text


def test_a_file_that_could_not_be_read_for_a_moment_is_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_key(path, "shop", ["models"])
    clock, real = Clock(), list_keys
    ring = KeyRing(path, clock)

    def fail(path: Path) -> None:
        raise InputError("too many open files")

    monkeypatch.setattr(access, "list_keys", fail)
    key = add_key_beside(path, real)
    assert ring.find(key) is None
    monkeypatch.setattr(access, "list_keys", real)
    assert ring.find(key) is None, "not at every request"
    clock.now += 1
    assert ring.find(key) is not None


def add_key_beside(path: Path, read: object) -> bytes:
    """Add a key while the file cannot be read through the module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "list_keys", read)
        return add_key(path, "crm", ["models"]).encode()


def test_an_unchanged_file_is_not_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = add_key(path, "shop", ["models"]).encode()
    ring = KeyRing(path)
    monkeypatch.setattr(access, "list_keys", lambda path: pytest.fail("read again"))
    assert ring.find(key) is not None


def test_keys_added_at_once_are_all_kept(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = [f"client-{i}" for i in range(24)]
        keys = list(pool.map(lambda name: add_key(path, name, ["models"]), names))
    ring = KeyRing(path)
    assert [ring.find(key.encode()).name for key in keys] == names  # type: ignore[union-attr]


def test_a_link_is_followed(path: Path) -> None:
    real = path.parent / "mounted" / "keys.json"
    shop = add_key(real, "shop", ["models"])
    path.symlink_to(real)
    crm = add_key(path, "crm", ["models"])
    assert path.is_symlink()
    ring = KeyRing(path)
    assert all(ring.find(key.encode()) for key in (shop, crm))
    other = path.parent / "new.json"
    add_key(other, "other", ["models"])
    os.replace(other, real)
    assert ring.find(shop.encode()) is None


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        add_key(tmp_path / "file" / "keys.json", "shop", ["models"])
    with pytest.raises(InputError, match="cannot be read"):
        add_key(tmp_path, "shop", ["models"])
