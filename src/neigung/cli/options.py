"""Arguments that several commands have in common."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from neigung.language import checked, languages


def _spoken(context: typer.Context, language: str) -> str:
    """Refuse a language that there is none of, and have refusals told in it."""
    if context.obj is not None:
        context.obj["language"] = checked(language)
    return checked(language)


def _limit_memory(limit: str | None) -> str | None:
    """Hold for all engines of this process, and of those that it starts."""
    from neigung.profiles.memory import VARIABLE, limit_in_bytes

    if limit is not None:
        limit_in_bytes(limit)
        os.environ[VARIABLE] = limit
    return limit


StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="The study, a YAML file.")]
VersionOption = Annotated[
    str, typer.Option("--version", help="Number, champion, challenger or latest.")
]
LanguageOption = Annotated[
    str, typer.Option("--language", callback=_spoken, help=f"{' or '.join(languages())}.")
]
ProfilesOption = Annotated[
    str | None, typer.Option("--profiles", help="Another profile store than the study's own.")
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory-limit",
        callback=lambda limit: _limit_memory(limit),
        help="What the engine of the tables may take, such as 4GB; the rest goes to disk. Default: "
        "the variable NEIGUNG_MEMORY_LIMIT, else 4GB or a sixth of the machine's memory, and more "
        "where that does not suffice.",
    ),
]
CutoffOption = Annotated[
    str, typer.Option("--cutoff", help="Date or time (UTC), or 'latest': the newest midnight.")
]
