"""`tables.yaml`: how the values in the files beside it are written.

>>> import tempfile
>>> folder = tempfile.TemporaryDirectory()
>>> _ = (Path(folder.name) / "tables.yaml").write_text('''
... all: {decimal: ",", date_format: "%d.%m.%Y"}
... visits: {time_zone: Europe/Berlin}
... ''')
>>> options = Options.beside(Path(folder.name))
>>> options.of("visits").decimal, options.of("visits").time_zone, options.of("returns").time_zone
(',', 'Europe/Berlin', None)
>>> folder.cleanup()
"""

from __future__ import annotations

import codecs
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from neigung.errors import ProfileError
from neigung.profiles.contract import TABLES
from neigung.profiles.sources.folder import OPTIONS

EXCEL = "excel"
"""The date format of numbers that count days since 1899-12-30."""

ALL = "all"


def _encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise ValueError(f"an encoding such as windows-1252 is needed, found '{name}'") from None


def _delimiter(given: Any) -> Any:
    return "\t" if given in ("tab", "\\t") else given


def _zone(name: str) -> str:
    if name not in zoneinfo.available_timezones():
        close = get_close_matches(name, zoneinfo.available_timezones(), n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise ValueError(f"a time zone such as Europe/Berlin is needed, found '{name}'{hint}")
    return name


def _formats(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


def _format(given: str) -> str:
    if given != EXCEL and "%" not in given:
        raise ValueError(
            f"a format such as %d.%m.%Y, or the word {EXCEL}, is needed, found '{given}'"
        )
    return given


class Reading(BaseModel):
    """How the values of a table are written.

    Parameters
    ----------
    encoding : of text files, such as windows-1252 or utf-16; UTF-8 without it.
    delimiter : between the fields of text files; the header tells it without it.
    skip : lines of text files before the header.
    decimal : of numbers in text, "." or ",".
    thousands : of numbers in text, such as "."; none without it.
    date_format : of times in text, one or several, as Python's strptime reads them, or `excel`;
        ISO without it.
    time_zone : of times without one; UTC without it.
    rename : the columns that are called otherwise, by their names in the files.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: Annotated[str, AfterValidator(_encoding)] | None = None
    delimiter: (
        Annotated[str, BeforeValidator(_delimiter), Field(min_length=1, max_length=1)] | None
    ) = None
    skip: Annotated[int, Field(ge=0)] | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", "'", "’", " ", "_"] | None = None
    date_format: (
        Annotated[
            tuple[Annotated[str, AfterValidator(_format)], ...],
            BeforeValidator(_formats),
            Field(min_length=1),
        ]
        | None
    ) = None
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    rename: dict[str, str] = Field(default_factory=dict)

    @field_validator("*", mode="before")
    @classmethod
    def _said(cls, given: Any) -> Any:
        if given is None:
            raise ValueError("a value is needed, and a sign in quotes")
        return given

    @model_validator(mode="after")
    def _fits_together(self) -> Reading:
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            raise ValueError(
                f"decimal and thousands must differ, but both are '{self.thousands}' (without "
                "decimal, it is a point)"
            )
        if len(set(self.rename.values())) < len(self.rename):
            raise ValueError("rename: each column needs a name of its own")
        return self

    @property
    def of_text(self) -> dict[str, Any]:
        """What was said that only files of text have."""
        given = {key: getattr(self, key) for key in ("encoding", "delimiter", "skip")}
        return {key: value for key, value in given.items() if value is not None}

    def over(self, other: Reading) -> Reading:
        """This, and what it leaves open from another."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        renamed = other.rename | self.rename
        merged = {n: getattr(other, n) for n in other.model_fields_set} | given
        return Reading.model_validate(merged | {"rename": renamed})


@dataclass(frozen=True)
class Options:
    """What `tables.yaml` says: of all tables, and of each."""

    all: Reading
    tables: Mapping[str, Reading]

    @classmethod
    def beside(cls, folder: Path) -> Options:
        """Those of a folder; without the file, everything is left open.

        Raises ProfileError, with one line a problem, when the file is not YAML or has unknown or
        impossible values.
        """
        path = folder / OPTIONS
        if not path.exists():
            return cls(Reading(), {})
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            said = " ".join(str(error).split())
            raise ProfileError(
                f"{path}: not readable as YAML: {said}. Put signs such as , and ; into quotes."
            ) from None
        if content is not None and not isinstance(content, dict):
            raise ProfileError(
                f'{path}: tables and their keys are needed, such as {ALL}: {{decimal: ","}}, '
                f"found {type(content).__name__}."
            )
        readings, problems = {}, []
        for name, given in (content or {}).items():
            if name not in (ALL, *TABLES):
                problems.append(_unknown(str(name), (ALL, *TABLES), "table"))
                continue
            try:
                readings[name] = Reading.model_validate({} if given is None else given)
            except ValidationError as error:
                problems += [_explained(name, one) for one in error.errors(include_url=False)]
        if problems:
            raise ProfileError(f"{path}: " + "\n  ".join(problems))
        found = cls(readings.pop(ALL, Reading()), readings)
        for name in readings:
            try:
                found.of(name)
            except ValidationError as error:
                said = _explained(name, error.errors(include_url=False)[0])
                raise ProfileError(f"{path}: {said}") from None
        return found

    def of(self, table: str) -> Reading:
        """How the values of a table are written."""
        own = self.tables.get(table)
        return self.all if own is None else own.over(self.all)


def _explained(table: str, problem: Any) -> str:
    """One pydantic error as one sentence that names the key and what would be right."""
    key = str(problem["loc"][0]) if problem["loc"] else ""
    where = f"{table}.{key}" if key else table
    if problem["type"] == "extra_forbidden":
        return _unknown(where, tuple(Reading.model_fields), "key")
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return f"{where}: {message}."
    return f"{where}: {message}, found {problem['input']!r}."


def _unknown(name: str, known: tuple[str, ...], what: str) -> str:
    close = get_close_matches(name.rpartition(".")[2], known, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"unknown {what} '{name}'.{hint} There are {', '.join(known)}."
