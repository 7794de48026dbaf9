"""The command line; every command is one call of a room."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from neigung.errors import InputError, NeigungError
from neigung.language import ENGLISH, Language, Message, languages
from neigung.language.numbers import language_name
from neigung.progress import Reporter
from neigung.serving import commands
from neigung.tracking import commands as versions
from neigung.tracking.commands import StudyFile, VersionOption

if TYPE_CHECKING:
    from neigung.features.feature import Column
    from neigung.profiles.writer import ImportResult

app = typer.Typer(
    name="neigung",
    help="Predictions to defend: who will buy, what discount it takes, who is leaving, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
imports = typer.Typer(help="Write a profile store from a known data set.", no_args_is_help=True)
app.add_typer(imports, name="import")
app.add_typer(commands.keys, name="keys")

INTERRUPTED = 130
"""What typer makes of Ctrl-C."""

STOPPED = "Interrupted: nothing half-written was left. Run the same command again to go on."

STOP = threading.Event()
"""Set when the user asks to stop."""

PIPE_WIDTH = 160
"""How wide tables are where there is no terminal to fit."""

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


def main() -> NoReturn:
    """Run the command line; errors become one message and an exit code."""
    warnings.filterwarnings("ignore")
    logging.getLogger().setLevel(logging.ERROR)
    # A stop request ends like Ctrl-C: what was begun is undone, finished trials are kept.
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    asked: dict[str, Language] = {}
    try:
        if app(standalone_mode=False, obj=asked) == INTERRUPTED:
            raise KeyboardInterrupt
    except NeigungError as error:
        _fail(error.message, error.exit_code, asked.get("language", ENGLISH))
    except (KeyboardInterrupt, typer.Abort):
        _fail(STOPPED, InputError.exit_code)
    except (MemoryError, OSError) as error:
        _fail(f"The machine could not do it: {error}. Make room and run the command again.", 1)
    except Exception as error:
        if str(error) == "Query interrupted":  # what DuckDB makes of Ctrl-C
            _fail(STOPPED, InputError.exit_code)
        _fail_with_usage(error)
    sys.exit(0)


def _stop(number: int, frame: object) -> NoReturn:
    """Interrupt, and remember it: an exception from a signal can get lost inside a library."""
    STOP.set()
    sys.unraisablehook = _unraisable
    raise KeyboardInterrupt


def _unraisable(unraisable: Any) -> None:
    """Python reports an interrupt that it had to swallow; `STOP` knows of it already."""
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)


def _fail(message: str, code: int, language: Language = ENGLISH) -> NoReturn:
    said = Message("Error: {message}", message=message).to(language)
    typer.secho(said, err=True, fg="red")
    sys.exit(code)


def _fail_with_usage(error: Exception) -> NoReturn:
    """Errors of the command line itself say how it is used; others are ours to mend."""
    show = getattr(error, "show", None)
    if callable(show):
        show()
        sys.exit(getattr(error, "exit_code", 1))
    raise error


def _reporter() -> Reporter:
    return Reporter(Console(stderr=True, emoji=False), STOP)


def _feature_table(columns: Iterable[Column]) -> Table:
    table = Table("feature", "unit", "theme", *map(language_name, languages()))
    for one in columns:
        table.add_row(one.name, one.unit, one.theme, *map(one.text, languages()))
    return table


def _out(result: Any) -> None:
    """Show a result on the standard output: as it shows itself, or as its plain text."""
    if hasattr(result, "__rich__") or isinstance(result, Table):
        wide = None if sys.stdout.isatty() else PIPE_WIDTH
        Console(width=wide).print(result, highlight=False, soft_wrap=not isinstance(result, Table))
    else:
        typer.echo(result)


def _limit_memory(limit: str | None) -> str | None:
    """Hold for all engines of this process, and of those that it starts."""
    from neigung.profiles.memory import VARIABLE, limit_in_bytes

    if limit is not None:
        limit_in_bytes(limit)
        os.environ[VARIABLE] = limit
    return limit


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"neigung {version('neigung')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say which and stop."),
    ] = False,
) -> None:
    pass


@app.command()
def demo() -> None:
    """Train, explain and score purchase and churn on the Complete Journey data."""
    from neigung.demo import run_demo

    _out(run_demo(_reporter()))


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


def _imported(result: ImportResult) -> None:
    typer.echo(f"{result.summary}\nNext: neigung check {result.path}")


@app.command()
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

    with _reporter().task("Simulating") as tick:
        result = run(out, customers, seed, effect=effect, on_step=tick)
    _imported(result)


@app.command()
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
    _out(report)
    if refused := sum(finding.severity == "refused" for finding in report.findings):
        raise InputError(
            f"{refused} {'fault' if refused == 1 else 'faults'} that training and scoring refuse: "
            "see 'refused' above. Mend these first."
        )


@app.command("features")
def write_feature_table(
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
    from neigung.scoring import feature_list, features_to, write_snapshot

    if show:
        _out(_feature_table(feature_list(study, profiles)))
        return
    if study is None or (out is None and snapshot is None):
        raise InputError(
            "features needs STUDY and --out FILE.parquet or --snapshot FOLDER, or --list."
        )
    told: dict[str, Any] = {"profiles": profiles, "reporter": _reporter()}
    if out is not None:
        written = features_to(study, out, cutoff, **told)
        _noted(written.notes, f"{written.rows:,} customers, {len(written.columns)} features: {out}")
    if snapshot is not None:
        named = None if version == "none" else version
        kept = write_snapshot(study, snapshot, cutoff, version=named, **told)
        why = f"contributions of version {kept.explained.version}" if kept.explained else "no model"
        _noted(
            kept.notes,
            f"{len(kept):,} customers, {len(kept.columns)} features, {why}: {snapshot}",
        )


def _noted(notes: Iterable[str], result: str) -> None:
    for note in notes:
        _out(f"Note: {note}")
    _out(result)


@app.command()
def train(
    study: StudyFile, profiles: ProfilesOption = None, memory_limit: MemoryOption = None
) -> None:
    """Tune, fit, calibrate, test, explain and register one version."""
    from neigung import training

    _out(training.train(study, profiles, reporter=_reporter()))


@app.command()
def score(
    study: StudyFile,
    out: Annotated[Path, typer.Option("--out", help="The Parquet file to write.")],
    cutoff: CutoffOption = "latest",
    version: VersionOption = "champion",
    reasons: Annotated[int, typer.Option("--reasons", min=0, help="Reasons a customer.")] = 3,
    profiles: ProfilesOption = None,
    memory_limit: MemoryOption = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Processes; as many as there are processors."),
    ] = None,
) -> None:
    """Score the study's population at one cutoff, with reasons; called again, it goes on."""
    from neigung.bulk_scoring import score_to

    _out(
        score_to(
            study,
            out,
            cutoff,
            version=version,
            reasons=reasons,
            profiles=profiles,
            workers=workers,
            reporter=_reporter(),
        )
    )


@app.command()
def offers(
    study: StudyFile,
    out: Annotated[Path, typer.Option("--out", help="The Parquet file to write.")],
    cutoff: CutoffOption = "latest",
    version: VersionOption = "champion",
    budget: Annotated[
        float | None, typer.Option("--budget", help="Spend at most this on offers.")
    ] = None,
    revenue_target: Annotated[
        float | None, typer.Option("--revenue-target", help="Reach this revenue, at least cost.")
    ] = None,
    profiles: ProfilesOption = None,
    memory_limit: MemoryOption = None,
) -> None:
    """Write the necessary discount of every customer, within a budget or for a target."""
    from neigung import scoring
    from neigung.files import refuse_place

    refuse_place(out)
    plan = scoring.offers(
        study,
        cutoff,
        version=version,
        budget=budget,
        revenue_target=revenue_target,
        profiles=profiles,
        reporter=_reporter(),
    )
    scoring.write_scores(plan.frame, out)
    _out(f"{plan.summary.text()}\nOffers: {out}")


for command in (
    *(versions.report, versions.review, versions.promote),
    *(commands.serve, commands.bundle, commands.why, commands.forget),
):
    app.command()(command)
