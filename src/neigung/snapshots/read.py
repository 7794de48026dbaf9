"""What the service knows of the customers at a cutoff: columns on disk that its workers share.

A snapshot is a folder of Arrow IPC files, uncompressed and of one record batch each, so that every
process maps them into memory and all share the same pages:

* `features.arrow`: `customer_id`, sorted, and the feature columns;
* `others.arrow`: all other customers of the store, with the `code` why nothing is known of them;
* `shared/NAME.arrow`: what everybody's rows say (`Past.shared`), for profiles in a request;
* `contributions.arrow`, if a version is explained: its contributions, `base` and, of an offer
  model, the `arm`;
* `snapshot.json`: what all this is, with the sizes and digests of the files.
"""

from __future__ import annotations

import bisect
import datetime as dt
import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from neigung.errors import InputError
from neigung.features.feature import Column

FORMAT_VERSION = 1

CONTENT = "snapshot.json"
FEATURES, OTHERS, CONTRIBUTIONS = "features", "others", "contributions"
SHARED = "shared/"

NO_CONSENT, NOT_IN_POPULATION = "no_consent", "not_in_population"
"""Why a known customer is not in the snapshot: not covered by the legal basis, or not active."""

FILE = re.compile(r"(shared/)?\w+\.arrow")
_ATTEMPTS, _PAUSE_SECONDS = 20, 0.02

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Explained:
    """The version whose contributions a snapshot holds."""

    version: int
    artefact_digest: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Contents:
    """What a snapshot is about.

    Parameters
    ----------
    study : the study, resolved, as `Study.to_dict` gives it.
    cutoff : UTC without a zone.
    columns : the feature columns, in order.
    tables : of the store's validated tables, the type of each column as text, as Ibis reads it.
    notes : which features were left out, and why.
    explained : whose contributions it holds, if any.
    """

    study: Mapping[str, Any]
    cutoff: dt.datetime
    columns: tuple[Column, ...]
    tables: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...] = ()
    explained: Explained | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Snapshot(Contents):
    """A snapshot, mapped into memory; safe to read from several threads.

    It goes on working when its folder is replaced or removed. `digest` identifies it: equal
    contents have equal digests.
    """

    digest: str
    _ids: _Ids
    _columns: Mapping[str, Floats | pa.StringArray]
    _others: _Ids
    _codes: pa.StringArray
    _shared: Mapping[str, pa.Table]
    _contributions: tuple[Floats, ...] = ()
    _arms: pa.StringArray | None = None

    @classmethod
    def open(cls, path: str | Path, *, verify: bool = True) -> Self:
        """The snapshot in a folder; while that is being replaced, the old one or the new one.

        `verify` compares the digests of all files with what was written, which reads them whole.
        Raises InputError when it is missing, damaged, or of another format.
        """
        folder = Path(path)
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE_SECONDS)
            before = _read(folder)
            if before is None:
                continue
            try:
                found = cls._mapped(folder, before, verify)
            except InputError:
                if _read(folder) == before:
                    raise
            else:
                if _read(folder) == before:  # else the files may be those of two snapshots
                    return found
        raise InputError(
            f"A snapshot is needed at {folder}, but there is no {CONTENT}. Write one with "
            f"`neigung features STUDY --snapshot {folder}`."
        )

    @classmethod
    def _mapped(cls, folder: Path, text: bytes, verify: bool) -> Self:
        content = _content(folder, text)
        try:
            parts = {
                name.removesuffix(".arrow"): _batch(folder, name, verify=verify, **file)
                for name, file in content["files"].items()
            }
            features, others = parts[FEATURES], parts[OTHERS]
            explained = content["explained"]
            told = [_column(one) for one in parts[CONTRIBUTIONS].columns] if explained else []
            arms = told.pop() if told and not isinstance(told[-1], np.ndarray) else None
            columns = tuple(Column.from_dict(one) for one in content["columns"])
            names = [column.name for column in columns]
            return cls(
                study=content["study"],
                cutoff=dt.datetime.fromisoformat(content["cutoff"]),
                columns=columns,
                tables=content["tables"],
                notes=tuple(content["notes"]),
                explained=None if explained is None else Explained(**explained),
                digest=content["digest"],
                _ids=_Ids(features.column(0)),
                _columns=dict(zip(names, map(_column, features.columns[1:]), strict=True)),
                _others=_Ids(others.column(0)),
                _codes=others.column(1),
                _shared={
                    name.removeprefix(SHARED): pa.Table.from_batches([batch])
                    for name, batch in parts.items()
                    if name.startswith(SHARED)
                },
                _contributions=tuple(told),
                _arms=arms,
            )
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, OSError) as error:
            if isinstance(error, InputError):
                raise
            raise _damaged(folder / CONTENT) from error

    def __len__(self) -> int:
        return len(self._ids)

    def __repr__(self) -> str:
        return (
            f"Snapshot({self.study['name']} at {self.cutoff:%Y-%m-%d %H:%M}, {len(self):,} "
            f"customers, {len(self.columns)} features, {self.explained}, {self.digest[:12]})"
        )

    def find(self, customer_id: str) -> int | None:
        """The row of a customer; None for those who are not in it."""
        return self._ids.find(customer_id)

    def refused(self, customer_id: str) -> str | None:
        """Why a known customer has no row, `no_consent` or `not_in_population`, else None."""
        row = self._others.find(customer_id)
        return None if row is None else str(self._codes[row].as_py())

    def values(
        self, rows: Sequence[int], names: Sequence[str]
    ) -> dict[str, npt.NDArray[np.float64] | npt.NDArray[np.object_]]:
        """The named features of some rows: float64 arrays (n,), NaN where missing.

        Categories are object arrays of texts, None where missing. Raises InputError for a column
        that is not there.
        """
        at = np.asarray(rows, dtype=np.intp)
        try:
            return {name: _taken(self._columns[name], at) for name in names}
        except KeyError:
            missing = ", ".join(name for name in names if name not in self._columns)
            raise InputError(
                f"The snapshot of study {self.study['name']} at {self.cutoff:%Y-%m-%d} needs the "
                f"columns {missing}, but has them not. Write it again with this study, store and "
                "version."
            ) from None

    def contributions(self, rows: Sequence[int]) -> Floats | None:
        """Contributions (n, p + 1) of some rows, in the artefact's column order, the base last.

        None when no version is explained.
        """
        if self.explained is None:
            return None
        at = np.asarray(rows, dtype=np.intp)
        found = np.empty((len(at), len(self._contributions)))
        for j, column in enumerate(self._contributions):
            found[:, j] = column[at]
        return found

    def arms(self, rows: Sequence[int]) -> list[str] | None:
        """The arm that the contributions of some rows explain; None unless of an offer model."""
        if self._arms is None:
            return None
        return list(_taken(self._arms, np.asarray(rows, dtype=np.intp)))

    def shared(self) -> dict[str, pa.Table]:
        """What everybody's rows said at the cutoff, by name, as `Past` takes it for `held`."""
        return dict(self._shared)


class _Ids:
    """Sorted ids in a mapped column, searched where they lie."""

    def __init__(self, ids: pa.StringArray) -> None:
        _, offsets, data = ids.buffers()
        self._offsets = memoryview(offsets or b"").cast("i")[ids.offset :]
        self._data = memoryview(data or b"")
        self._rows = range(len(ids))

    def __len__(self) -> int:
        return len(self._rows)

    def _at(self, row: int) -> bytes:
        return bytes(self._data[self._offsets[row] : self._offsets[row + 1]])

    def find(self, customer_id: str) -> int | None:
        # UTF-8 sorts like the characters it encodes, so bytes are compared. JSON may bring halves
        # of a pair of surrogates, which no id has.
        wanted = customer_id.encode("utf-8", "surrogatepass")
        row = bisect.bisect_left(self._rows, wanted, key=self._at)
        return row if row < len(self) and self._at(row) == wanted else None


def _column(array: pa.Array) -> Floats | pa.StringArray:
    """A column as it is read: numbers as a view of the mapped file."""
    return array if pa.types.is_string(array.type) else array.to_numpy(zero_copy_only=True)


def _taken(column: Any, at: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    if isinstance(column, np.ndarray):
        return column[at]
    return np.asarray(column.take(pa.array(at)).to_numpy(zero_copy_only=False))


def _read(folder: Path) -> bytes | None:
    """The text of `snapshot.json`, None when it is not there."""
    try:
        return (folder / CONTENT).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(
            f"The snapshot {folder} cannot be read: {error.strerror}. Mend its permissions."
        ) from error


def _content(folder: Path, text: bytes) -> dict[str, Any]:
    """What `snapshot.json` says, checked against its own digest."""
    try:
        content = dict(json.loads(text))
        version = content["format_version"]
        if version != FORMAT_VERSION:
            raise InputError(
                f"The snapshot {folder} needs format version {FORMAT_VERSION}, but has {version}. "
                "Write it again with this version of neigung."
            )
        whole = content["digest"] == digest_of(content)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(folder / CONTENT) from error
    if not whole:
        raise _damaged(folder / CONTENT)
    return content


def _batch(folder: Path, name: str, *, size: int, sha256: str, verify: bool) -> pa.RecordBatch:
    """The one record batch of a file, mapped."""
    path = folder / name
    try:
        whole = bool(FILE.fullmatch(name)) and path.stat().st_size == size
        if not whole or (verify and digest_of_file(path) != sha256):
            raise _damaged(path)
        return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
    except (OSError, pa.ArrowInvalid) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> InputError:
    return InputError(
        f"{path} must be as `neigung features --snapshot` wrote it, but it is missing or was "
        "changed. Write the snapshot again."
    )


def digest_of(content: Mapping[str, Any]) -> str:
    """What identifies a snapshot: SHA-256 of all that `snapshot.json` says but the digest."""
    told = {key: value for key, value in content.items() if key != "digest"}
    text = json.dumps(told, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return str(hashlib.file_digest(file, "sha256").hexdigest())
