"""The secret under which customers stand in the decision log."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from neigung.errors import InputError
from neigung.language import Message

SHORTEST = 32
"""Bytes: as many as SHA-256 gives. With fewer, ids could be guessed and tried out."""


def load_secret(variable: str, path: Path | str | None = None, *, create: bool = False) -> bytes:
    """The secret in an environment variable, or else in a file; white space around it is ignored.

    With `create`, a file that does not exist is made, readable by its owner only; of several
    processes that do so at once, one makes it and all get the same. Raises InputError when there
    is no secret, or one of less than 32 bytes.

    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name) / "log.key"
    >>> secret = load_secret("NEIGUNG_NO_SUCH_VARIABLE", file, create=True)
    >>> len(secret), secret == load_secret("NEIGUNG_NO_SUCH_VARIABLE", file)
    (64, True)
    >>> oct(file.stat().st_mode & 0o777)
    '0o600'
    >>> folder.cleanup()
    """
    given = os.environ.get(variable, "")
    if given.strip():
        return _long_enough(
            os.fsencode(given), Message("the environment variable {variable}", variable=variable)
        )
    if path is None:
        raise InputError(
            Message(
                "A secret of at least {bytes} bytes is needed in the environment variable "
                "{variable}, found none. Set it.",
                bytes=SHORTEST,
                variable=variable,
            )
        )
    path = Path(path)
    try:
        if create and not path.exists():
            _create(path)
        return _long_enough(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise InputError(
            Message(
                "The secret of the decision log is needed in {path} or in the environment variable "
                "{variable}, found neither. `neigung serve` makes one at its first start; name the "
                "file that the log was begun with.",
                path=path,
                variable=variable,
            )
        ) from None
    except OSError as error:
        raise InputError(
            Message(
                "The secret in {path} cannot be read or made: {reason}. Mend it, or set "
                "{variable}.",
                path=path,
                reason=error.strerror,
                variable=variable,
            )
        ) from None


def _long_enough(content: bytes, place: str) -> bytes:
    secret = content.strip()
    if len(secret) < SHORTEST:
        raise InputError(
            Message(
                "A secret of at least {bytes} bytes is needed in {place}, found {found}. Put in a "
                "random one, such as `openssl rand -hex 32` gives.",
                bytes=SHORTEST,
                place=place,
                found=len(secret),
            )
        )
    return secret


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(SHORTEST) + "\n")
            file.flush()
            # Without the secret the log is lost: it must outlive a power cut, as the log does.
            os.fsync(file.fileno())
        # Unlike a rename, a link fails where another process was faster.
        os.link(temporary, path)
        _sync_folder(path.parent)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
