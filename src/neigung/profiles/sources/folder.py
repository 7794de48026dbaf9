"""Which files of a folder are the tables of a profile store.

A table is one file or one folder of files. What is hidden, temporary or dead is passed over and
told; what may be rows of a table and is not read is refused, as an objection may stand in it.
"""

from __future__ import annotations

import filecmp
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from neigung.profiles.contract import TABLES
from neigung.profiles.quality_report import Finding
from neigung.profiles.sources import names
from neigung.profiles.sources.names import Format
from neigung.profiles.sources.retired import log_of
from neigung.profiles.sources.source import other_names
from neigung.profiles.sources.spelling import letters, meant, original

OPTIONS = "tables.yaml"
"""The file beside the tables that says how their values are written."""

MARKER = "profiles.json"
"""The file in a written store that says which importer made it, and what it set aside."""

_DEEP, _MANY = 2, 2_000
"""So far below a store, and through so many names, tables are looked for that lie too deep."""


@dataclass(frozen=True)
class Files:
    """The files of one table of a folder.

    Attributes:
        entry: the one file, or the folder of them.
        paths: the files that are read.
        format: what all of them are.
        partitions: the columns whose values stand in names of folders, such as `channel=web`.
    """

    entry: Path
    paths: tuple[Path, ...]
    format: Format
    partitions: tuple[str, ...] = ()


@dataclass
class _Told:
    """What is said of the names in a folder."""

    wanted: Collection[str]
    findings: list[Finding] = field(default_factory=list)

    def say(
        self, severity: Literal["refused", "warn", "mended", "ok"], table: str, text: str
    ) -> None:
        """Add a finding about a table, unless nobody asked for the table."""
        if table in self.wanted:
            self.findings.append(Finding(severity, table, f"{table}: {text}"))


class RefusedError(Exception):
    """A table cannot be read from what is there; the message says why."""


def files_of(folder: Path, wanted: Collection[str]) -> tuple[dict[str, Files], list[Finding]]:
    """The files of each wanted table in a folder, and what was passed over, doubted or refused.

    A table of which something is refused may be among them all the same.
    """
    told = _Told(wanted)
    entries: dict[str, list[Path]] = {}
    rest: list[Path] = []
    for entry in sorted(folder.iterdir()):
        name = names.table_name(entry)
        if name in TABLES and not names.is_dead(entry):
            entries.setdefault(name, []).append(entry)
        elif entry.name not in (OPTIONS, MARKER):
            rest.append(entry)
    tables = {}
    for name in (name for name in TABLES if name in entries and name in wanted):
        if len(entries[name]) > 1:
            found = " and ".join(entry.name for entry in entries[name])
            text = f"{folder} must hold the table once, but has {found}. Remove all but one."
            told.say("refused", name, text)
            continue
        try:
            tables[name] = _files(name, entries[name][0], told)
        except RefusedError as why:
            told.say("refused", name, str(why))
    others = [entry for entry in rest if not _is_of_table(entry, entries, told)]
    for entry in others:
        if entry.is_dir() and not names.is_dead(entry):
            _too_deep(entry, folder, entries, told)
    alien = (one.name for one in others if not (names.is_dead(one) or names.is_paper(one)))
    told.findings.extend(other_names(alien) if "order_lines" in wanted else ())
    return tables, told.findings


def _is_of_table(entry: Path, entries: dict[str, list[Path]], told: _Told) -> bool:
    """Whether a name that is no table was meant for one, and then say what becomes of it."""
    if names.is_harmless(entry):
        return True
    bare = names.bare(entry)
    copied = original(bare)
    table = meant(copied or bare)
    if table is None:
        if "consent" in letters(bare) and "consents" not in entries and not names.is_paper(entry):
            told.say("refused", "consents", _only_copy(entry, "consents"))
        return False
    there = entries.get(table, [])
    if names.is_dead(entry):
        if there:
            told.say("mended", table, f"{entry.name} is hidden or temporary and was passed over.")
        else:
            told.say("refused", table, _only_copy(entry, table))
    elif copied is not None:
        if len(there) == 1 and _same(entry, there[0]):
            told.say("mended", table, f"{entry.name} equals {there[0].name} and was passed over.")
        elif there:
            text = (
                f"{entry.name} looks like a copy of {there[0].name}, but is another. Leave one of "
                "the two, or put parts of a table into a folder of its name."
            )
            told.say("refused", table, text)
        else:
            told.say("refused", table, _only_copy(entry, table))
    elif names.is_paper(entry):
        return False
    elif names.format_of(entry) is not None or entry.is_dir():
        text = f"{entry.name} is not read, as the table is called {table}. Rename or remove it."
        told.say("refused", table, text)
    else:
        told.say("refused", table, f"{entry.name} is not read: {names.known_endings()}")
    return True


def _only_copy(entry: Path, table: str) -> str:
    return (
        f"{entry.name} is not read by this name, but there is no other file of the table. Name it "
        f"{table}, with its ending, or remove it."
    )


def _files(table: str, entry: Path, told: _Told) -> Files:
    """The files of a table that is there once."""
    if not entry.exists():
        raise RefusedError(f"{entry} is a link to nothing. Mend or remove it.")
    if entry.is_file():
        kind = names.format_of(entry)
        assert kind is not None
        if not entry.stat().st_size:
            raise RefusedError(
                f"{entry} cannot be read: it is empty (0 bytes). Write the file anew or restore it."
            )
        return Files(entry, (entry,), kind)
    walk = _Walk(entry)
    paths = list(walk.files(entry))
    passed = [path for path in walk.passed if not names.is_harmless(path)]
    unread = [p for p in paths if names.format_of(p) is None and not names.is_paper(p)]
    paths = [path for path in paths if names.format_of(path) is not None]
    if unread:
        raise RefusedError(
            f"{_few(unread, entry)} in {entry} {_is(unread)} not read: {names.known_endings()}"
        )
    empty = [path for path in paths if not path.stat().st_size]
    if broken := [path for path in empty if names.format_of(path) == "parquet"]:
        raise RefusedError(
            f"{broken[0]} cannot be read: it is empty (0 bytes). Write the file anew or restore it."
        )
    if len(empty) < len(paths):
        paths = [path for path in paths if path not in empty]  # of empty parts Spark writes such
        passed += empty
    copies = _copies(paths, entry)
    paths = [path for path in paths if path not in copies]
    formats = {names.format_of(path) for path in paths} - {None}
    if len(formats) != 1:
        found = "both" if formats else "no such file"
        raise RefusedError(
            f"The folder {entry} must hold either Parquet or CSV files, but has {found}. "
            "Leave one format in it."
        )
    passed += copies
    if passed:
        text = f"passed over as hidden, temporary, empty or a copy: {_few(passed, entry)}."
        told.say("mended", table, text)
    [kind] = formats
    assert kind is not None
    return Files(entry, tuple(paths), kind, _partitions(paths, entry))


class _Walk:
    """The files below a folder, through links, each once; `passed` are those not to be read."""

    def __init__(self, entry: Path) -> None:
        self.passed: list[Path] = []
        above = [place.stat() for place in (entry, *entry.resolve().parents)]
        self._seen = {(place.st_dev, place.st_ino) for place in above}

    def files(self, folder: Path) -> Iterator[Path]:
        """All files that are not hidden, temporary or dead."""
        if why := log_of(folder):
            raise RefusedError(why)
        for path in sorted(folder.iterdir()):
            try:
                found = path.stat()
            except FileNotFoundError:
                if names.is_dead(path):
                    continue
                raise RefusedError(f"{path} is a link to nothing. Mend or remove it.") from None
            if names.is_dead(path):
                self.passed.append(path)
                continue
            if (found.st_dev, found.st_ino) in self._seen:
                self.passed.append(path)  # a link to what is read already, or to a folder above
                continue
            self._seen.add((found.st_dev, found.st_ino))
            if path.is_dir():
                yield from self.files(path)
            else:
                yield path


def _copies(paths: list[Path], entry: Path) -> list[Path]:
    """Files that equal another; RefusedError where a name says so and the contents do not."""
    there = {(path.parent, names.bare(path)): path for path in paths}
    copies = []
    for path in paths:
        name = original(names.bare(path))
        first = there.get((path.parent, name)) if name else None
        if first is None:
            continue
        if not _same(path, first):
            raise RefusedError(
                f"{path.relative_to(entry)} in {entry} looks like a copy of {first.name}, but is "
                "another. Remove one of the two, or rename it when both hold rows of their own."
            )
        copies.append(path)
    return copies


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def _partitions(paths: list[Path], entry: Path) -> tuple[str, ...]:
    """The columns in the names of folders between a table and its files."""
    found = {
        tuple(
            unquote(part.partition("=")[0])
            for part in path.relative_to(entry).parts[:-1]
            if "=" in part
        ): path
        for path in paths
    }
    if len(found) > 1:
        (some, one), (more, other) = list(found.items())[:2]
        raise RefusedError(
            f"the folders of {entry} must all name the same columns, but {one.relative_to(entry)} "
            f"has {', '.join(some) or 'none'} and {other.relative_to(entry)} has "
            f"{', '.join(more) or 'none'}. Write the table anew."
        )
    return next(iter(found), ())


def _too_deep(entry: Path, folder: Path, entries: dict[str, list[Path]], told: _Told) -> None:
    """Say what lies in a folder below, where no table is looked for."""
    left = _MANY
    for root, folders, files in os.walk(entry):
        place = Path(root)
        folders[:] = sorted(f for f in folders if not names.is_dead(place / f))
        if len(place.relative_to(folder).parts) >= _DEEP:
            folders.clear()
        for path in (place / name for name in sorted(files)):
            left -= 1
            table = meant(names.bare(path))
            if left < 0:
                return
            if table is None or names.is_dead(path) or names.is_paper(path):
                continue
            where = path.relative_to(folder).as_posix()
            if table == "consents" and table not in entries:
                text = f"{where} is not read, and there is no other. Move it into {folder}."
                told.say("refused", table, text)
            elif names.format_of(path) is not None:
                told.say("warn", table, f"{where} is not read, as it lies in a folder below.")


def _few(paths: list[Path], entry: Path) -> str:
    shown = ", ".join(path.relative_to(entry).as_posix() for path in paths[:3])
    return f"{shown} and {len(paths) - 3:,} more" if len(paths) > 3 else shown


def _is(paths: list[Path]) -> str:
    return "is" if len(paths) == 1 else "are"
