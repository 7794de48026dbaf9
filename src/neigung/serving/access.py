"""API keys: who may ask for what.

A key is 256 random bits, so nobody can guess it or find it by trying, and the file keeps its plain
SHA-256: the slow, salted hashes made for passwords protect what people choose, would cost every
request milliseconds, and add nothing here. The file is watched: a key added or revoked counts
from the next request on.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import logging
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from neigung.errors import InputError, NeigungError

GRACE_SECONDS = 60.0
"""How long the last good keys count when their file is damaged or gone."""

_RETRY_SECONDS = 1.0
"""How often a damaged file that did not change is read again."""

_PER_STUDY = ("predict", "offers")

_logger = logging.getLogger("neigung.access")


class KeysError(NeigungError):
    """The keys cannot be read, so nobody can be let in."""


@dataclass(frozen=True)
class ApiKey:
    """Who asks, and what for.

    Parameters
    ----------
    name : of the client, as logs name it.
    scopes : `predict:STUDY`, `predict:*`, `offers:STUDY`, `offers:*`, `models`, `metrics`, `docs`.

    >>> key = ApiKey("shop", frozenset({"predict:churn", "offers:*", "models"}))
    >>> key.allows("predict", "churn"), key.allows("predict", "purchase_30d")
    (True, False)
    >>> key.allows("offers", "spring"), key.allows("models"), key.allows("metrics")
    (True, True, False)
    """

    name: str
    scopes: frozenset[str]

    def allows(self, action: str, study: str | None = None) -> bool:
        """Whether the key may do this; `predict` and `offers` need the study's name."""
        if action not in _PER_STUDY:
            return action in self.scopes
        if study is None:
            raise ValueError(f"{action} is allowed per study: name the study.")
        return f"{action}:*" in self.scopes or f"{action}:{study}" in self.scopes

    def allows_any(self, action: str) -> bool:
        """Whether the key may do this for some study at least.

        >>> ApiKey("shop", frozenset({"predict:churn"})).allows_any("predict")
        True
        """
        return any(scope.split(":")[0] == action for scope in self.scopes)


_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_Scope = Annotated[
    str, Field(pattern=r"^((predict|offers):(\*|[a-z_][a-z0-9_]{0,62})|models|metrics|docs)$")
]


class KeyRecord(BaseModel):
    """What the file keeps of a key; `revoked` is None while it counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: _Name
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: Annotated[tuple[_Scope, ...], Field(min_length=1)]
    created: AwareDatetime
    revoked: AwareDatetime | None = None


class _KeyFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    format_version: Literal[1] = 1
    keys: tuple[KeyRecord, ...] = ()

    @model_validator(mode="after")
    def _told_apart(self) -> _KeyFile:
        if len({record.name for record in self.keys}) < len(self.keys):
            raise ValueError("two keys have the same name")
        return self


class KeyRing:
    """The keys of a file, as it is now.

    Parameters
    ----------
    path : the file that `add_key` writes.
    clock : monotonic seconds.

    Raises InputError when the file is missing or damaged: without keys no service starts.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._seen = _signature(path)
        self._keys = _active(list_keys(path))
        self._confirmed = self._tried = clock()
        self._good = True

    def find(self, presented: bytes) -> ApiKey | None:
        """Whose key this is; None when it is nobody's.

        Every key is compared, each in constant time, so that the time taken says neither how
        much of a key was right nor whose it is. Raises KeysError when the file has been
        damaged or gone for longer than `GRACE_SECONDS`.
        """
        self._refresh()
        digest = hashlib.sha256(presented).digest()
        found = None
        for stored, key in self._keys:
            if hmac.compare_digest(stored, digest):
                found = key
        return found

    def _refresh(self) -> None:
        now, signature = self._clock(), _signature(self._path)
        same = signature is not None and signature == self._seen
        if same and self._good:
            self._confirmed = now
            return
        if not same or now - self._tried >= _RETRY_SECONDS:
            self._read(now, signature)
        if now - self._confirmed > GRACE_SECONDS:
            raise KeysError(
                f"The keys in {self._path} are needed, and the file has been missing or damaged "
                f"for {GRACE_SECONDS:.0f} s. Put it back, or add keys with `neigung keys add`."
            )

    def _read(self, now: float, signature: tuple[int, ...] | None) -> None:
        self._seen, self._tried = signature, now
        try:
            self._keys = _active(list_keys(self._path))
        except InputError as error:
            if self._good:
                _logger.error("%s The last good keys count for %.0f s.", error, GRACE_SECONDS)
            self._good = False
        else:
            self._confirmed, self._good = now, True


def add_key(path: Path, name: str, scopes: Sequence[str]) -> str:
    """Make a key and keep its hash: the key itself is returned once and stored nowhere.

    Parameters
    ----------
    path : the file of keys, made if it is not there.
    name : of the client; a name is used once, so that logs stay clear.
    scopes : what it may do, see `ApiKey`.

    Raises InputError for a name that is taken, and for a name or scope that cannot be.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "keys.json"
    >>> key = add_key(path, "shop", ["predict:*"])
    >>> KeyRing(path).find(key.encode()).name
    'shop'
    >>> revoke_key(path, "shop").name
    'shop'
    >>> KeyRing(path).find(key.encode()) is None
    True
    """
    key = "neigung_" + secrets.token_urlsafe(32)
    try:
        record = KeyRecord(
            name=name,
            sha256=hashlib.sha256(key.encode()).hexdigest(),
            scopes=tuple(dict.fromkeys(scopes)),
            created=_now(),
        )
    except ValidationError as error:
        raise InputError(_wrong(error, name, scopes)) from None
    with _locked(path):
        records = list_keys(path) if path.exists() else ()
        if any(known.name == name for known in records):
            raise InputError(
                f"A new name is needed, found '{name}', which has a key or had one. "
                "Choose another name."
            )
        _write(path, (*records, record))
    return key


def list_keys(path: Path) -> tuple[KeyRecord, ...]:
    """All keys, the revoked ones too, in the order they were added.

    Raises InputError when the file is missing, damaged, or may be written by everybody.
    """
    advice = "Add a key with `neigung keys add NAME --scope SCOPE`"
    try:
        if path.stat().st_mode & 0o002:
            raise InputError(
                f"A file of keys that only its owner can change is needed, found {path}, which "
                "everybody can. Look for keys you did not add, then `chmod 600` it."
            )
        return _KeyFile.model_validate_json(path.read_bytes()).keys
    except FileNotFoundError:
        raise InputError(f"A file of API keys is needed, found none at {path}. {advice}.") from None
    except OSError as error:
        raise InputError(
            f"The API keys in {path} cannot be read: {error.strerror}. {advice}, or name "
            "another file."
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"The API keys in {path} are damaged{' at ' + place if place else ''}: "
            f"{first['msg']}. Put a good copy back, or move the file away and add the keys again."
        ) from None


def revoke_key(path: Path, name: str) -> KeyRecord:
    """Let a key count no more, from the next request on; a revoked one stays as it is.

    Raises InputError when there is no such key.
    """
    with _locked(path):
        records = list_keys(path)
        place = next((i for i, record in enumerate(records) if record.name == name), None)
        if place is None:
            names = ", ".join(record.name for record in records) or "no key"
            raise InputError(f"A key named '{name}' is needed, {path} has {names}. Name one.")
        if records[place].revoked is None:
            revoked = records[place].model_copy(update={"revoked": _now()})
            records = (*records[:place], revoked, *records[place + 1 :])
            _write(path, records)
        return records[place]


def _active(records: Sequence[KeyRecord]) -> tuple[tuple[bytes, ApiKey], ...]:
    return tuple(
        (bytes.fromhex(record.sha256), ApiKey(record.name, frozenset(record.scopes)))
        for record in records
        if record.revoked is None
    )


def _signature(path: Path) -> tuple[int, ...] | None:
    """Changes with the file: replaced, rewritten, its rights changed; None without one."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_dev, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _wrong(error: ValidationError, name: str, scopes: Sequence[str]) -> str:
    where = error.errors()[0]["loc"]
    if where[0] == "name":
        return (
            "A name of up to 64 letters, digits, '.', '_' and '-' is needed, "
            f"found '{name}'. Choose such a name."
        )
    found = f"'{scopes[int(where[1])]}'" if len(where) > 1 else "none"
    return (
        "Scopes predict:STUDY, predict:*, offers:STUDY, offers:*, models, metrics or docs are "
        f"needed, found {found}. Name one or several of these."
    )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One change at a time: two commands at once would lose one's key."""
    import fcntl

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise InputError(
            f"The API keys in {path} cannot be written: {error.strerror}. Name a file in a "
            "folder that can."
        ) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(path: Path, records: Sequence[KeyRecord]) -> None:
    """Whole or not at all, for the owner's eyes only, on disk when this returns."""
    path = Path(os.path.realpath(path))
    text = _KeyFile(keys=tuple(records)).model_dump_json(indent=2) + "\n"
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                # An administrator's change must leave the file readable for the service's user.
                if path.exists() and os.geteuid() == 0:
                    owner = path.stat()
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"The API keys in {path} cannot be written: {error.strerror}. Name another file, or "
            "make room."
        ) from None
