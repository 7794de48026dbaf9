"""The commands around registered versions: report, review, promote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neigung.cli.options import LanguageOption, StudyFile, VersionOption
from neigung.errors import InputError
from neigung.language import ENGLISH, Message


def report(
    out: Annotated[
        Path, typer.Option("--out", help="The HTML file to write; with --all, the folder.")
    ],
    study: Annotated[
        Path | None, typer.Argument(metavar="STUDY", help="The study, unless --all.")
    ] = None,
    version: VersionOption = "champion",
    language: LanguageOption = ENGLISH,
    everything: Annotated[
        bool, typer.Option("--all", help="All studies and versions, with their reports.")
    ] = False,
) -> None:
    """Write the report of a version, the very page that its training made, or all with --all."""
    if everything:
        _overview(study, version, out, language)
        return
    if study is None:
        raise InputError(
            Message("report needs STUDY and --out FILE.html, or --all and --out FOLDER.")
        )
    from neigung.files import write_bytes
    from neigung.study import Study
    from neigung.tracking.registry import find, read_report
    from neigung.tracking.review import standing

    found = find(Study.load(study).name, version)
    page = read_report(found)
    told = standing(found, page)
    write_bytes(out, page.page(language).encode())
    typer.echo(f"Report: {out}\n{told}")


def review(
    study: StudyFile,
    version: Annotated[str, typer.Option("--version", help="The number that was reviewed.")],
    decision: Annotated[str, typer.Option("--decision", help="approve or reject.")],
    by: Annotated[str, typer.Option("--by", help="Who decides.")],
    note: Annotated[str, typer.Option("--note", help="Why, recorded with the decision.")],
) -> None:
    """Approve or reject a version after reading its report; recorded with the report's digest."""
    from neigung.study import Study
    from neigung.tracking.review import review as run

    typer.echo(run(Study.load(study), version, decision, by=by, note=note).recorded)


def promote(
    study: StudyFile,
    version: Annotated[str, typer.Option("--version", help="Number or challenger.")],
    force: Annotated[bool, typer.Option("--force", help="Overrule the gate.")] = False,
    why: Annotated[str | None, typer.Option("--why", help="The reason, recorded.")] = None,
) -> None:
    """Make a version the champion, if the gate lets it pass."""
    from neigung.study import Study
    from neigung.tracking.gate import promote as run

    typer.echo(run(Study.load(study), version, force=force, why=why).text)


def _overview(study: Path | None, version: str, out: Path, language: str) -> None:
    from neigung.tracking.overview import write_overview

    if study is not None or version != "champion":
        raise InputError(
            Message(
                "report --all is about all studies and versions. Leave out STUDY and --version, or "
                "leave out --all."
            )
        )
    typer.echo(write_overview(out, language).text)
