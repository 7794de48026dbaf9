"""The commands around a store of profiles: import, simulate, check, features."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from neigung.cli import terminal
from neigung.cli.options import CutoffOption, MemoryOption, ProfilesOption
from neigung.errors import InputError
from neigung.language import languages
from neigung.language.numbers import language_name

if TYPE_CHECKING:
    from neigung.features.feature import Column
    from neigung.profiles.writer import ImportResult

imports = typer.Typer(help="Write a profile store from a known data set.", no_args_is_help=True)


@imports.command("complete-journey")
def import_complete_journey(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.")],
) -> None:
    """2,469 households, one year, 1.47 million lines (needs the extra 'demo')."""
    from neigung.profiles.complete_journey import import_complete_journey as run

    _imported(run(out))


@imports.command("online-retail")
def import_online_retail(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Parquet or CSV.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.")],
) -> None:
    """UCI Online Retail: a British gift shop, 541,909 invoice lines."""
    from neigung.profiles.online_retail import import_online_retail as run

    _imported(run(file, out))


def simulate(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.")],
    customers: Annotated[int, typer.Option("--customers", help="How many customers.")] = 50_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 0,
    effect: Annotated[
        bool, typer.Option("--effect/--no-effect", help="Whether offers change anything.")
    ] = True,
) -> None:
    """Write the profile store of a made-up web shop whose customers' reactions are known."""
    from neigung.simulation.simulate import simulate as run

    with terminal.reporter().task("Simulating") as tick:
        result = run(out, customers, seed, effect=effect, on_step=tick)
    _imported(result)


def check(
    profiles: Annotated[str, typer.Argument(metavar="PROFILES", help="The profile store.")],
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Also write the report to this file.")
    ] = None,
) -> None:
    """Validate the tables and report their quality."""
    from neigung.files import write_text
    from neigung.profiles.quality import check as run
    from neigung.profiles.quality_report import Finding
    from neigung.profiles.store import Profiles

    problems: list[Finding] = []
    report = run(Profiles.open(profiles, problems=problems), problems)
    if json_out is not None:
        write_text(json_out, json.dumps(report.to_dict(), indent=2, ensure_ascii=False))
    terminal.out(report)
    if refused := sum(finding.severity == "refused" for finding in report.findings):
        raise InputError(
            f"{refused} {'fault' if refused == 1 else 'faults'} that training and scoring refuse: "
            "see 'refused' above. Mend these first."
        )


def features(
    study: Annotated[Path | None, typer.Argument(metavar="STUDY")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The Parquet file (on Spark: folder).")
    ] = None,
    snapshot: Annotated[
        Path | None, typer.Option("--snapshot", help="The folder to write for the service.")
    ] = None,
    cutoff: CutoffOption = "latest",
    version: Annotated[
        str,
        typer.Option(
            "--version",
            help="Whose contributions the snapshot holds: number, champion, challenger, latest or "
            "none.",
        ),
    ] = "champion",
    profiles: ProfilesOption = None,
    memory_limit: MemoryOption = None,
    show: Annotated[bool, typer.Option("--list", help="Only list all features.")] = False,
) -> None:
    """Write the features of the study's population at one cutoff, to look at or to serve."""
    from neigung.scoring.features import feature_list, features_to
    from neigung.snapshots.write import write_snapshot

    if show:
        terminal.out(_feature_table(feature_list(study, profiles)))
        return
    if study is None or (out is None and snapshot is None):
        raise InputError(
            "features needs STUDY and --out FILE.parquet or --snapshot FOLDER, or --list."
        )
    told: dict[str, Any] = {"profiles": profiles, "reporter": terminal.reporter()}
    if out is not None:
        written = features_to(study, out, cutoff, **told)
        terminal.noted(
            written.notes, f"{written.rows:,} customers, {len(written.columns)} features: {out}"
        )
    if snapshot is not None:
        named = None if version == "none" else version
        kept = write_snapshot(study, snapshot, cutoff, version=named, **told)
        why = f"contributions of version {kept.explained.version}" if kept.explained else "no model"
        terminal.noted(
            kept.notes,
            f"{len(kept):,} customers, {len(kept.columns)} features, {why}: {snapshot}",
        )


def _imported(result: ImportResult) -> None:
    typer.echo(f"{result.summary}\nNext: neigung check {result.path}")


def _feature_table(columns: Iterable[Column]) -> Table:
    table = Table("feature", "unit", "theme", *map(language_name, languages()))
    for one in columns:
        table.add_row(one.name, one.unit, one.theme, *map(one.text, languages()))
    return table
