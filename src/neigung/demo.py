"""`neigung demo`: everything once, on the Complete Journey data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neigung.errors import GateError, InputError
from neigung.files import write_text
from neigung.progress import Reporter
from neigung.study import Study

STUDIES = ("configs/purchase_7d.yaml", "configs/churn_28d.yaml")
PACKAGED = Path(__file__).parent / "configs"
"""Where a wheel holds the project's studies; an editable installation has nothing there."""


@dataclass(frozen=True)
class Demo:
    """What the demo made, where it lies and what to type next."""

    made: tuple[tuple[str, str], ...]
    next_steps: tuple[str, ...]

    def __str__(self) -> str:
        width = max(len(what) for what, _ in self.made)
        made = [f"  {what:<{width}}  {where}" for what, where in self.made]
        return "\n".join(
            ["", "Made:", *made, "", "Next:", *(f"  {step}" for step in self.next_steps)]
        )


def run_demo(reporter: Reporter) -> Demo:
    """Import, check, train, promote, score and report; run again, it goes on from what is there.

    Outside of the project's folder the demo's studies are written first, where the package holds
    them. Raises InputError where it does not.
    """
    from neigung.profiles.complete_journey import import_complete_journey
    from neigung.profiles.store import Profiles
    from neigung.scoring.to_file import score_to
    from neigung.tracking.gate import promote
    from neigung.training.train import train

    for place in map(Path, STUDIES):
        packaged = PACKAGED / place.name
        if packaged.exists() and not place.exists():
            write_text(place, packaged.read_text(encoding="utf-8"))
            reporter.say(f"Written: {place}")
    absent = [study for study in STUDIES if not Path(study).exists()]
    if absent:
        raise InputError(
            f"The demo needs {' and '.join(absent)}, and {Path.cwd()} has none. Run it in the "
            "project's folder."
        )
    studies = [Study.load(path) for path in STUDIES]
    store = Path(studies[0].profiles)
    if not (store / "order_lines.parquet").exists():
        with reporter.task("Importing 2,469 households, 1.47 million order lines"):
            import_complete_journey(store)
    with reporter.task("Opening the profiles"):
        profiles = Profiles.open(store)

    made = [("profile store", str(store))]
    score_next = f"{STUDIES[0]} --version latest"
    for path, study in zip(STUDIES, studies, strict=True):
        reporter.say(f"\n{study.name} ({path})")
        run = train(study, profiles, reporter=reporter)
        report = Path("reports") / f"{study.name}.html"
        write_text(report, run.report)
        reporter.say(run.evaluation.verdict.text_en)
        made.append((f"{study.name}: report", str(report)))
        try:
            promote(study, run.version)
        except GateError as refusal:
            reporter.say(str(refusal))
            made.append(
                (f"{study.name}: version {run.version}", "challenger only: the gate refused it")
            )
            continue
        scores = Path("scores") / f"{study.name}.parquet"
        score_to(study, scores, profiles=profiles, reporter=reporter)
        made.append((f"{study.name}: version {run.version}, champion", f"run {run.run_id}"))
        made.append((f"{study.name}: scores with reasons", str(scores)))
        score_next = path
    made.append(("runs, models, plots", "mlflow.db, mlruns"))
    return Demo(
        tuple(made),
        (
            f"open reports/{studies[0].name}.html in a browser",
            ".venv/bin/mlflow ui --backend-store-uri sqlite:///mlflow.db",
            f".venv/bin/neigung check {store}",
            f".venv/bin/neigung score {score_next} --cutoff 2017-12-01 --out december.parquet",
            "read notebooks/01_purchase_and_churn.ipynb, then write a study for your own profiles",
        ),
    )
