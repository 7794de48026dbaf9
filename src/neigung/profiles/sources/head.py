"""The beginning of a file of text: how it is encoded, what parts its fields, what its columns are.

What is certain is found out here, file by file, so that the engine guesses nothing.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from neigung.profiles.contract import Table
from neigung.profiles.sources.names import packing_of
from neigung.profiles.sources.options import Reading
from neigung.profiles.sources.spelling import column_names, plain

_LOOKED_AT = 1 << 18
_TITLES = 20
"""Of a file so many bytes, and of these so many lines, are looked at for its header."""

_DELIMITERS = ",;\t|"
_PACKINGS = {"gz": "gzip", "zst": "zstd", "bz2": "bz2"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class HeadError(Exception):
    """A file cannot be read as it is; the message says why and what would help."""


@dataclass(frozen=True)
class Head:
    """What a file's beginning says of it.

    Attributes:
        encoding: as Python names it; "utf-8" is read by the engine itself.
        skip: lines before the header.
        delimiter: between fields.
        columns: the names of the columns, those of the contract in its letters.
        mended: those that are written otherwise, by the names in the file.
    """

    encoding: str
    skip: int
    delimiter: str
    columns: tuple[str, ...]
    mended: tuple[tuple[str, str], ...] = ()


def opened(path: Path) -> Any:
    """A file's bytes, unpacked."""
    return pa.input_stream(str(path), compression=_PACKINGS.get(packing_of(path)))


def head_of(path: Path, table: Table, reading: Reading) -> Head:
    """The head of a file of a table.

    Raises HeadError when the file is not of text, or its header cannot be found or used.
    """
    try:
        with opened(path) as stream:
            content = stream.read(_LOOKED_AT)
    except (OSError, pa.ArrowException) as error:
        said = str(error).splitlines()[0].rstrip(".")
        raise HeadError(
            f"{path} cannot be read: {said}. Write the file anew or restore it."
        ) from None
    encoding = reading.encoding or _encoding(path, table, content)
    lines = _lines(path, table, content, encoding)
    skip, delimiter = _before(lines, reading)
    if skip >= len(lines):
        raise HeadError(f"{path} has no header: it holds nothing but blank lines. Export it again.")
    delimiter = delimiter or _delimiter(lines[skip])
    columns = _fields("\n".join(lines[skip:]), delimiter)
    known = {column.name for column in table.columns} | set(map(plain, reading.rename))
    if reading.skip is None and not known & set(map(plain, columns)):
        for number, line in enumerate(lines[skip + 1 : skip + _TITLES], skip + 1):
            if len(known & set(map(plain, _fields(line, _delimiter(line))))) > 1:
                raise HeadError(
                    f"{path}: the header is needed in the first line, but stands in line "
                    f"{number + 1}, after {lines[skip][:60]!r}. Remove what is before it, "
                    f"or put this line into tables.yaml beside the files: {table.name}: "
                    f"{{skip: {number}}}."
                )
    named = [name.strip() or f"column{index}" for index, name in enumerate(columns)]
    named = [reading.rename.get(name, name) for name in named]
    times = Counter(name.casefold() for name in named)
    if twice := [name for name in times if times[name] > 1]:
        raise HeadError(
            f"{path}: each column needs a name of its own, but {', '.join(twice)} stands in the "
            "header more than once. Rename or remove one of the two."
        )
    other = column_names(table, named)
    final = tuple(other.get(name, name) for name in named)
    mended = tuple(
        (old, new)
        for old, new in zip(columns, final, strict=True)
        if new in known and old not in (new, *reading.rename)
    )
    return Head(encoding, skip, delimiter, final, mended)


def _encoding(path: Path, table: Table, content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return "utf-8" if encoding == "utf-8-sig" else encoding
    zeros = [content[start:2_000:2].count(0) for start in (0, 1)]
    if max(zeros) > len(content[:2_000]) // 4:
        guess = "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
        raise HeadError(
            f"{path} is not encoded in UTF-8, but looks like UTF-16. Save it as UTF-8, or "
            f"{_line(table, guess)}."
        )
    return "utf-8"


def not_utf8(path: Path, table: Table, position: int, content: bytes) -> HeadError:
    """The error for a file that is not of UTF-8, with the first word that is not."""
    word = content[max(position - 15, 0) : position + 15].replace(b"\r", b"\n").split(b"\n")
    before = content[max(position - 15, 0) : position].count(b"\n")
    shown = word[min(before, len(word) - 1)].decode("cp1252", "replace")
    return HeadError(
        f"{path} cannot be read: it is not encoded in UTF-8. If {shown!r} is right (windows-1252), "
        f"save it as UTF-8, or {_line(table, 'windows-1252')}."
    )


def _line(table: Table, encoding: str) -> str:
    return (
        f"put this line into tables.yaml beside the files: {table.name}: {{encoding: {encoding}}}"
    )


def _lines(path: Path, table: Table, content: bytes, encoding: str) -> list[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    try:
        text = decoder.decode(content, final=len(content) < _LOOKED_AT)
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            raise not_utf8(path, table, error.start, content) from None
        raise HeadError(
            f"{path} cannot be read: it is not encoded in {encoding}, as tables.yaml says. Name "
            "its encoding there."
        ) from None
    if "\0" in text:
        raise HeadError(
            f"{path} cannot be read: it holds NUL bytes, as files that were cut off or damaged do. "
            "Export it again."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _before(lines: list[str], reading: Reading) -> tuple[int, str | None]:
    """How many lines are before the header, and the delimiter where something says it."""
    if reading.skip is not None:
        return reading.skip, reading.delimiter
    skip = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    if skip < len(lines) and len(lines[skip]) == 5 and lines[skip].startswith("sep="):
        return skip + 1, reading.delimiter or lines[skip][4]  # Excel's own mark
    return skip, reading.delimiter


def _delimiter(header: str) -> str:
    """What parts a header into the most fields."""
    return max(_DELIMITERS, key=lambda one: len(_fields(header, one)))


def _fields(text: str, delimiter: str) -> list[str]:
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        return next(reader, [])
    except csv.Error:
        return []
