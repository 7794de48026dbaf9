"""From a study and its profiles to one tested, explained and registered version."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neigung.language import ENGLISH, Language, languages
from neigung.models import kinds
from neigung.profiles.age import tell_age
from neigung.profiles.quality import require_sound
from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.study import Study

if TYPE_CHECKING:
    from rich.text import Text

    from neigung.evaluation.comparison import Comparison
    from neigung.evaluation.fairness.fairness import Fairness
    from neigung.evaluation.stability import Stability
    from neigung.evaluation.tested import Tested
    from neigung.explanation.explain import Explanation
    from neigung.judgement.fitness import Fitness
    from neigung.models.version import Version
    from neigung.report.evidence import Evidence
    from neigung.tracking.runs import LoggedRun
    from neigung.training.fitted import Fitted

_STYLES = {"fit": "green", "care": "yellow", "not_fit": "bold red", "open": "bold red"}


@dataclass(frozen=True)
class TrainedRun:
    """What a training made; shows its evaluation in a notebook.

    `version` is the registered version, `run_id` MLflow's run, `evidence` all that the report is
    made from, `report` the page in English.
    """

    study: Study
    version: int
    run_id: str
    artefact: Version
    evidence: Evidence
    report: str
    notes: tuple[str, ...]

    @property
    def evaluation(self) -> Tested:
        """The model beside its baselines on the test."""
        return self.evidence.evaluation

    @property
    def explanation(self) -> Explanation:
        """Why the model predicts what it predicts, for all rows of the test."""
        return self.evidence.explanation

    @property
    def fitness(self) -> Fitness:
        """Whether the version is fit for use, and the lights that say so."""
        return self.evidence.fitness

    @property
    def stability(self) -> Stability | None:
        """Drift, leak suspicion and what the seed decides; None if not examined."""
        return self.evidence.stability

    @property
    def fairness(self) -> Fairness | None:
        """What groups of customers get; None without attributes to compare them by."""
        return self.evidence.fairness

    @property
    def comparison(self) -> Comparison | None:
        """What changed since the champion; None without one that can be compared."""
        return self.evidence.comparison

    def __rich__(self) -> Text:
        from rich.text import Text

        verdict = self.evaluation.verdict
        text = Text(
            f"{self.study.name}: version {self.version}, artefact {self.artefact.digest[:12]}, "
            f"run {self.run_id}\n"
        )
        text.append(verdict.text_en, "green" if verdict.beats_baseline else "bold red")
        text.append(f"\n{self.fitness.text()}", _STYLES[self.fitness.verdict])
        for light in self.fitness.reasons:
            if light.text() != verdict.text_en:  # that is said already
                text.append(f"\n  {light.title()}: {light.text()}")
        return text

    def __repr__(self) -> str:
        return f"TrainedRun({self.study.name!r}, version={self.version}, run_id={self.run_id!r})"

    def _repr_html_(self) -> str:
        return self.evaluation._repr_html_()


def train(
    study: Study | Path | str,
    profiles: Profiles | Path | str | None = None,
    *,
    reporter: Reporter | None = None,
) -> TrainedRun:
    """Tune, fit, calibrate, test, examine, explain, log and register one version of a study.

    A model is fitted on the earlier cutoffs or offers and tested on the last ones; nothing is
    learned from an outcome that was not over by then. `profiles` takes the place of the study's
    own.

    Raises InputError when study and data do not fit, LeakageError when the future reached the
    past. Nothing is registered then. Finished trials are kept in `.neigung`, so that the same call
    goes on where an interrupted one stopped.
    """
    from neigung.training.examine import gather

    reporter = reporter or Reporter()
    study = study if isinstance(study, Study) else Study.load(study)
    if not isinstance(profiles, Profiles):
        with reporter.task("Opening the profiles"):
            profiles = Profiles.open(study.profiles if profiles is None else profiles)
    with reporter.task("Checking the profiles"):
        latest, trusted = study.cutoffs.last == "latest", study.cutoffs.trust_dates
        doubts = require_sound(profiles, doubts=True, latest=latest, trusted=trusted)
    span = profiles.span(trusted)
    if latest:
        tell_age(study, span[1], reporter)
    for doubt in doubts:
        reporter.say(f"  Doubtful: {doubt}")
    with profiles.reading():
        fitted: Fitted = kinds.of_target(study.target.kind).fit(study, profiles, reporter)
        evidence, unexamined = gather(study, profiles, fitted, reporter)
    notes = (*doubts, *fitted.notes, *unexamined)
    provenance = {"git_commit": git_commit(), "data_digest": fitted.data_digest}
    with reporter.task("Writing the report"):
        pages = _pages(fitted, evidence, provenance, notes)
    with reporter.task("Tracking"):
        logged = _track(study, span, fitted, evidence, pages, provenance, notes)
    return TrainedRun(
        study=study,
        version=logged.version,
        run_id=logged.run_id,
        artefact=fitted.artefact,
        evidence=evidence,
        report=pages[ENGLISH],
        notes=notes,
    )


def git_commit() -> str | None:
    """The commit of the current folder's repository, None outside of one."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def _pages(
    fitted: Fitted, evidence: Evidence, provenance: Mapping[str, Any], notes: Sequence[str]
) -> dict[Language, str]:
    from neigung.features.feature import in_english
    from neigung.report import driver

    pages = {}
    for language in languages():
        strange = in_english(fitted.artefact.columns, language)
        pages[language] = driver.build_report(
            fitted.artefact,
            evidence,
            fitted.test,
            language=language,
            provenance=provenance,
            notes=[*notes, *([strange] if strange else [])],
        )
    return pages


def _track(
    study: Study,
    span: tuple[dt.datetime, dt.datetime],
    fitted: Fitted,
    evidence: Evidence,
    pages: Mapping[Language, str],
    provenance: Mapping[str, Any],
    notes: Sequence[str],
) -> LoggedRun:
    from neigung.tracking.runs import log_training

    dataset = fitted.dataset
    first, last = span
    return log_training(
        study,
        fitted.artefact,
        fitted.evaluation,
        evidence=evidence,
        dataset_info={
            "digest": provenance["data_digest"],
            "first_order": first.isoformat(),
            "last_order": last.isoformat(),
            "rows": len(dataset),
            "parts": fitted.artefact.meta["rows"],
            "cutoffs": [cutoff.isoformat() for cutoff in dataset.cutoffs],
            "splits": fitted.artefact.meta["splits"],
            "notes": list(notes),
        },
        trials=fitted.trials,
        figures={
            **fitted.evaluation.figures(),
            "importance": evidence.explanation.plot_importance(),
            "beeswarm": evidence.explanation.plot_beeswarm(),
        },
        files={f"report_{language}.html": page for language, page in pages.items()},
        input_example=fitted.test.X.head(3),
        git_commit=provenance["git_commit"],
    )
