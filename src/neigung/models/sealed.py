"""A folder of JSON and texts under digests: what an artefact is on disk. Nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from neigung.errors import InputError
from neigung.files import replacing_folder

FORMAT_VERSION = 1
"""Of artefacts of every kind."""

CONTENT, CHECKSUMS = "artefact.json", "checksums.json"


def seal(content: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, bytes]:
    """The files of a folder: the content as JSON, the texts by file name, and their checksums.

    >>> sorted(seal({"rows": 3}, {"model.txt": "tree"}))
    ['artefact.json', 'checksums.json', 'model.txt']
    """
    files = {CONTENT: _json(content)} | {name: text.encode() for name, text in texts.items()}
    sums = {name: sha256(data) for name, data in files.items()}
    return {**files, CHECKSUMS: _json(sums)}


def digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the bytes of all files of `seal`: the identity of what they hold."""
    return sha256(files[CHECKSUMS])


def write(files: Mapping[str, bytes], path: str | Path) -> None:
    """Write the folder, whole or not at all; an earlier sealed folder there is replaced.

    Raises:
        InputError: The path is taken by something else.
    """
    target = Path(path)
    replaceable = (target / CHECKSUMS).is_file() or (target.is_dir() and not any(target.iterdir()))
    if target.exists() and not replaceable:
        raise InputError(
            f"An artefact needs a new folder, but {target} holds something else. "
            "Name another folder."
        )
    with replacing_folder(target) as fresh:
        for name, data in files.items():
            (fresh / name).write_bytes(data)


def read(path: str | Path | Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, str]]:
    """Content and texts of a folder that `write` wrote, or of files, with all digests verified.

    Raises:
        InputError: A file is missing, was changed, or is one that was never sealed.
    """
    given = path if isinstance(path, Mapping) else None
    folder = Path("an artefact") if isinstance(path, Mapping) else Path(path)
    sealed = _read(folder / CHECKSUMS, given)
    try:
        sums = dict(json.loads(sealed))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{folder / CHECKSUMS} must be the JSON that was saved, but it is damaged. "
            "Restore it, or train again."
        ) from error
    sums.setdefault(CONTENT, "")
    files = {}
    for name, expected in sums.items():
        if Path(name).name != name:
            raise InputError(
                f"{folder / CHECKSUMS} must name files of its own folder, but names {name}. "
                "Restore it, or train again."
            )
        files[name] = _read(folder / name, given)
        if expected != sha256(files[name]):
            raise InputError(
                f"{folder / name} must be as it was saved (its digest is in {CHECKSUMS}), but "
                "it was changed. Restore it, or train again."
            )
    content = json.loads(files.pop(CONTENT))
    return content, {name: data.decode() for name, data in files.items()}


def read_version(
    path: str | Path | Mapping[str, bytes],
) -> tuple[dict[str, Any], dict[str, str]]:
    """Content and texts of an artefact's folder or files, verified, in the present format.

    Raises:
        InputError: As `read`, or the folder is of another format version.
    """
    content, texts = read(path)
    version = content["format_version"]
    if version != FORMAT_VERSION:
        place = CONTENT if isinstance(path, Mapping) else Path(path) / CONTENT
        raise InputError(
            f"{place} needs format version {FORMAT_VERSION}, but has "
            f"{version}. Use the version of neigung that wrote it, or train again."
        )
    return content, texts


def sha256(data: bytes) -> str:
    """The digest as hexadecimal text."""
    return hashlib.sha256(data).hexdigest()


def _json(content: object) -> bytes:
    text = json.dumps(_plain(content), sort_keys=True, indent=1, ensure_ascii=False)
    return (text + "\n").encode()


def _plain(value: object) -> object:
    """The value in JSON's own types; what is not a number becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _read(path: Path, given: Mapping[str, bytes] | None) -> bytes:
    if given is not None:
        return given.get(path.name, b"")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"An artefact needs {path}, but it cannot be read ({error.strerror}). "
            "Name the folder of an artefact, or train again."
        ) from error
