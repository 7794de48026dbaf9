"""Files of text as tables of DuckDB: read as text whole, then typed by what they show."""

from __future__ import annotations

import codecs
import glob
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from neigung.profiles.contract import Table
from neigung.profiles.quality_report import Finding
from neigung.profiles.sources import partitions
from neigung.profiles.sources.folder import Files
from neigung.profiles.sources.head import Head, HeadError, head_of, not_utf8, opened
from neigung.profiles.sources.names import packing_of
from neigung.profiles.sources.options import Reading
from neigung.profiles.sources.spelling import renamed

_AT_ONCE = 1 << 22
_BY_ENGINE = {"": "none", "gz": "gzip", "zst": "zstd"}


def read_text(
    connection: Any, table: Table, files: Files, reading: Reading
) -> tuple[ir.Table, list[Finding], frozenset[str]]:
    """All rows of a table's files as text, what is said of the files, and their delimiters.

    Raises HeadError when one of them cannot be read.
    """
    heads = {path: head_of(path, table, reading) for path in files.paths}
    groups: dict[Head, list[Path]] = {}
    for path, head in heads.items():
        groups.setdefault(head, []).append(path)
    parts = []
    for index, (head, paths) in enumerate(groups.items()):
        # Held under a name of the store's own, as text is copied at opening.
        name = f"raw_{table.name}_{index}" if len(groups) > 1 else f"raw_{table.name}"
        parts.append(_read(connection, name, table, files, head, paths))
    whole = _united(parts)
    return whole, _said(table, heads), frozenset(head.delimiter for head in groups)


def _read(
    connection: Any, name: str, table: Table, files: Files, head: Head, paths: list[Path]
) -> ir.Table:
    views = []
    with _in_utf8(table, head, paths) as readable:
        for index, (packing, some) in enumerate(readable.items()):
            try:
                view = connection.read_csv(
                    [glob.escape(str(path)) for path in some],
                    table_name=f"csv_{name}_{index}",
                    header=True,
                    # Everything is read as text and cast by the contract, so that a wrong value
                    # can be named; nothing is guessed.
                    columns=dict.fromkeys(head.columns, "VARCHAR"),
                    auto_detect=False,
                    skip=head.skip,
                    delim=head.delimiter,
                    quote='"',
                    escape='"',
                    comment="",
                    encoding="utf-8",
                    compression=packing,
                    hive_partitioning=False,
                    **({"filename": partitions.FILE} if files.partitions else {}),
                )
                views.append(partitions.read(view, files))
            except duckdb.Error as error:
                raise _unreadable(table, some, error) from error
        try:
            return connection.create_table(name, _united(views), temp=True)
        except duckdb.Error as error:
            raise _unreadable(table, paths, error) from error


def _united(parts: list[ir.Table]) -> ir.Table:
    """All rows; a column that is not in all parts is missing in the others."""
    if len(parts) == 1:
        return parts[0]
    names = list(dict.fromkeys(name for part in parts for name in part.columns))
    nothing = ibis.null("string")
    return ibis.union(
        *(
            part.select(**{n: part[n] if n in part.columns else nothing for n in names})
            for part in parts
        )
    )


@contextmanager
def _in_utf8(table: Table, head: Head, paths: list[Path]) -> Iterator[dict[str, list[Path]]]:
    """The files, or copies of them in UTF-8, by the packing that the engine is told."""
    found: dict[str, list[Path]] = {}
    with tempfile.TemporaryDirectory(prefix="neigung-") as folder:
        for index, path in enumerate(paths):
            packing = _BY_ENGINE.get(packing_of(path))
            if head.encoding == "utf-8" and packing is not None:
                found.setdefault(packing, []).append(path)
                continue
            copy = Path(folder) / f"{index}.csv"
            _decode(path, copy, head.encoding)
            found.setdefault("none", []).append(copy)
        yield found


def _decode(path: Path, copy: Path, encoding: str) -> None:
    """A file in UTF-8, part by part."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with opened(path) as source, copy.open("w", encoding="utf-8", newline="") as target:
            while part := source.read(_AT_ONCE):
                target.write(decoder.decode(part))
            target.write(decoder.decode(b"", final=True))
    except (OSError, pa.ArrowException, UnicodeError) as error:
        said = str(error).splitlines()[0].rstrip(".")
        raise HeadError(f"{path} cannot be read: {said}. Export it again.") from None


def _unreadable(table: Table, paths: list[Path], error: duckdb.Error) -> HeadError:
    """Which line of which file DuckDB cannot read, and why."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line.removeprefix("file = ") for line in lines if line.startswith("file = ")]
    path = Path(named[0]) if named else paths[0]
    if any("not utf-8" in line for line in lines):
        return _first_not_utf8(table, path)
    why = [line for line in lines if line.startswith(("Expected Number", "Value with"))]
    said = ": ".join([lines[0].removeprefix("Invalid Input Error: ").rstrip("."), *why[:1]])
    return HeadError(
        f"{path} cannot be read: {said.rstrip('.')}. Write the file anew or restore it."
    )


def _first_not_utf8(table: Table, path: Path) -> HeadError:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opened(path) as stream:
        part = b"begin"
        while part:
            part = stream.read(_AT_ONCE)
            try:
                decoder.decode(part, final=not part)
            except UnicodeDecodeError as error:
                return not_utf8(path, table, error.start, error.object)
    return not_utf8(path, table, 0, b"")


def _said(table: Table, heads: dict[Path, Head]) -> list[Finding]:
    """What is said of how the files are written, where it is not as usual."""
    said = []
    decoded = [path.name for path, head in heads.items() if head.encoding.startswith("utf-16")]
    if decoded:
        text = f"{table.name}: {decoded[0]} was read as UTF-16."
        said.append(Finding("mended", table.name, text))
    said += renamed(table, dict(one for head in heads.values() for one in head.mended))
    known = {column.name for column in table.columns}
    columns = {path: known & set(head.columns) for path, head in heads.items()}
    everywhere = set.union(*columns.values())
    lacking = {path: everywhere - found for path, found in columns.items() if everywhere - found}
    if lacking:
        path, missing = next(iter(lacking.items()))
        said.append(
            Finding(
                "warn",
                table.name,
                f"{table.name}: {len(lacking):,} of {len(heads):,} files have not the columns of "
                f"the others, such as {path.name} without {', '.join(sorted(missing))}: their rows "
                "have no value there. Export them alike.",
            )
        )
    return said


def infer_types(table: Table, text: ir.Table, columns: Collection[str] | None = None) -> ir.Table:
    """Columns of text (or some of them) that the contract leaves open, as numbers, times or
    booleans where they all are."""
    known = {column.name for column in table.columns}
    texts = [name for name, kind in text.schema().items() if kind.is_string()]
    columns = texts if columns is None else [name for name in texts if name in columns]
    tests: dict[str, ir.Value] = {}
    for name in columns:
        value = text[name]
        if name not in known:
            # A leading zero is part of a code (a postcode), not of a number.
            number = value.try_cast("float64").notnull() & ~value.re_search(r"^\s*[+-]?0\d")
            time = value.re_search(r"^\d{4}-\d{2}-\d{2}") & value.try_cast("timestamp").notnull()
            tests[f"{name}/float64"] = (number | value.isnull()).all()
            tests[f"{name}/timestamp"] = (time | value.isnull()).all()
            tests[f"{name}/boolean"] = value.lower().isin(["true", "false"]).all()
            tests[f"{name}/filled"] = value.count() > 0
    found = text.aggregate(**tests).to_pyarrow().to_pylist()[0] if tests else {}
    casts: dict[str, ir.Value] = {}
    for name in columns:
        if found.get(f"{name}/filled"):
            for dtype in ("timestamp", "float64", "boolean"):
                if found[f"{name}/{dtype}"]:
                    casts[name] = text[name].cast(dtype)
    return text.mutate(**casts)
