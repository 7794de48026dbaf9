"""The commands that learn and predict: demo, train, score, offers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neigung.cli import terminal
from neigung.cli.options import (
    CutoffOption,
    MemoryOption,
    ProfilesOption,
    StudyFile,
    VersionOption,
)


def demo() -> None:
    """Train, explain and score purchase and churn on the Complete Journey data."""
    from neigung.demo import run_demo

    terminal.out(run_demo(terminal.reporter()))


def train(
    study: StudyFile, profiles: ProfilesOption = None, memory_limit: MemoryOption = None
) -> None:
    """Tune, fit, calibrate, test, explain and register one version."""
    from neigung.training.train import train as run

    terminal.out(run(study, profiles, reporter=terminal.reporter()))


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
    from neigung.scoring.to_file import score_to

    terminal.out(
        score_to(
            study,
            out,
            cutoff,
            version=version,
            reasons=reasons,
            profiles=profiles,
            workers=workers,
            reporter=terminal.reporter(),
        )
    )


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
    from neigung.files import refuse_place
    from neigung.scoring.offers import offers as run
    from neigung.scoring.score import write_scores

    refuse_place(out)
    plan = run(
        study,
        cutoff,
        version=version,
        budget=budget,
        revenue_target=revenue_target,
        profiles=profiles,
        reporter=terminal.reporter(),
    )
    write_scores(plan.frame, out)
    terminal.out(f"{plan.summary.text()}\nOffers: {out}")
