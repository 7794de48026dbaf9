"""How long the report on a large study takes, from the finished model to both pages.

    .venv/bin/python benchmarks/report.py [--rows 100000] [--columns 150] [--trees 300] [--out DIR]

Made-up customers with the columns of the real library, four sensitive attributes among them. All
rows are explained; drift, groups, other seeds and a champion are assessed on all of them, too. With
`--out` the pages are kept. What is measured is a training's work after its tests, without fitting
the variations and without MLflow.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from made_customers import ATTRIBUTES, columns_of, made
from measuring import Report, options, scaled

from neigung.evaluation.comparison import compare
from neigung.evaluation.fairness.fairness import assess_fairness
from neigung.evaluation.propensity.baselines import fit_baselines
from neigung.evaluation.propensity.evaluate import evaluate
from neigung.evaluation.propensity.segments import activity_segment
from neigung.evaluation.stability import assess_stability, seed_table
from neigung.explanation.contributions import contributions
from neigung.explanation.explain import Explanation, explain
from neigung.judgement.fitness import judge_fitness
from neigung.models.dataset import Dataset
from neigung.models.propensity.artefact import Artefact, reference_table
from neigung.models.propensity.classifier import PropensityClassifier
from neigung.models.usual import usual_values
from neigung.report.driver import build_report
from neigung.report.evidence import Evidence
from neigung.study import Study

CUTOFFS = [f"2025-0{month}-01" for month in range(1, 7)]
ROWS, FITTED_ROWS = 100_000, 30_000
LANGUAGES = ("en", "de")

Timed = Callable[[str], AbstractContextManager[None]]


def fit(rows: Dataset, trees: int, seed: int = 7) -> PropensityClassifier:
    model = PropensityClassifier({"n_estimators": trees, "num_leaves": 15}, seed, num_threads=2)
    return model.fit(rows.X, rows.y).calibrate(rows.X, rows.y)


def artefact_of(model: PropensityClassifier, train: Dataset, test: Dataset) -> Artefact:
    study = {
        "name": "benchmark",
        "profiles": "-",
        "target": {"kind": "purchase", "horizon_days": 30},
        "legal_basis": {"consent": "profiling"},
        "report": {"owner": "CRM", "not_for": ["Setting prices."]},
    }
    fold = {"train": CUTOFFS[:2], "validation": CUTOFFS[3]}
    return Artefact(
        model,
        test.columns,
        study=Study.from_dict(study).to_dict(),
        meta={
            "splits": {"test": CUTOFFS[-1], "train": CUTOFFS[:-1], "folds": [fold]},
            "rows": {"train": len(train), "test": len(test)},
            "usual": usual_values(train.X, test.columns),
        },
        reference=reference_table(model.predict_proba(test.X)[:, 1]),
    )


def assessed(
    artefact: Artefact, explanation: Explanation, train: Dataset, test: Dataset, trees: int
) -> Callable[[Timed], Evidence]:
    """Everything that is fitted for the assessment is fitted here; what is returned assesses."""
    champion = artefact_of(fit(train, trees // 2), train, test)
    now = made(test.columns, len(test), "2025-07-01", 5)
    others = {seed: fit(train, trees, seed).predict_proba(test.X)[:, 1] for seed in (8, 9, 10)}
    sensitive = [f"attribute_{name}" for name in ATTRIBUTES]
    kept = tuple(column for column in test.columns if column.name not in sensitive)
    fewer = fit(Dataset(train.frame, kept), trees)
    without = fewer.predict_proba(Dataset(test.frame, kept).X)[:, 1]
    before = artefact.classifier.predict_proba(train.X)[:, 1]
    opponents = fit_baselines(train, 30)

    def weights(model: Artefact, given: Any = None) -> dict[str, float]:
        given = contributions(model, test.X) if given is None else given
        names = [column.name for column in given.columns]
        return dict(zip(names, given.importance().tolist(), strict=True))

    def assess(timed: Timed) -> Evidence:
        scores = artefact.classifier.predict_proba(test.X)[:, 1]
        bands = artefact.predict(test.X)["band"].to_numpy()
        found = {one.name: one.predict_proba(test.frame) for one in opponents}
        activity = activity_segment(
            test.frame["days_since_last_order"], test.frame["days_since_first_order"]
        )
        segments = test.frame[sensitive].assign(activity=activity)
        with timed("evaluation"):
            evaluation = evaluate(test, {"model": scores, **found}, segments=segments)
        importance = weights(artefact, explanation.contributions)
        with timed("stability"):
            stability = assess_stability(
                train.X,
                {"test": test.X, "now": now.X},
                test.columns,
                scores={
                    "before": before,
                    "test": scores,
                    "now": artefact.classifier.predict_proba(now.X)[:, 1],
                },
                importance=importance,
                train_y=train.y,
                test_y=test.y,
                seeds=seed_table("average_precision", scores, others, test.y, registered_seed=7),
            )
        with timed("fairness"):
            fairness = assess_fairness(
                test.frame[sensitive], test.columns, test.X, scores, bands == "high", test.groups,
                y=test.y, importance=importance, without=without,
            )  # fmt: skip
        with timed("comparison"):
            theirs = champion.classifier.predict_proba(test.X)[:, 1]
            comparison = compare(
                1,
                y=test.y,
                groups=test.groups,
                scores={"this": scores, "champion": theirs},
                bands={"this": bands, "champion": champion.predict(test.X)["band"].to_numpy()},
                importance={"this": importance, "champion": weights(champion)},
                columns=test.columns,
                band_order=["high", "medium", "low"],
            )
        return Evidence(
            evaluation=evaluation,
            explanation=explanation,
            fitness=judge_fitness(evaluation, stability=stability, fairness=fairness),
            stability=stability,
            fairness=fairness,
            comparison=comparison,
        )

    return assess


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rows", type=int, help=f"default {ROWS:,} times the size")
    parser.add_argument("--columns", type=int, default=150)
    parser.add_argument("--trees", type=int, help="default 300 times the size, at least 60")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows = given.rows or scaled(ROWS, given.size, least=2_000)
    given.trees = given.trees or scaled(300, min(1.0, given.size), least=60)

    columns = columns_of(given.columns)
    train = made(columns, min(FITTED_ROWS, rows), CUTOFFS[-2], 1)
    test = made(columns, rows, CUTOFFS[-1], 2)
    artefact = artefact_of(fit(train, given.trees), train, test)
    told: dict[str, tuple[float, float]] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        wall, own = time.perf_counter(), time.process_time()
        yield
        told[name] = time.perf_counter() - wall, time.process_time() - own

    with timed("explaining"):
        explanation = explain(artefact, test)
    assess = assessed(artefact, explanation, train, test, given.trees)
    evidence = assess(timed)
    with timed("pairs of features"):
        evidence.numbers()
    pages = {}
    for language in LANGUAGES:
        with timed(f"page, {language}"):
            pages[language] = build_report(artefact, evidence, test, language=language)

    report = Report(given)
    told["in all"] = tuple(sum(times) for times in zip(*told.values(), strict=True))  # type: ignore[assignment]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    report.table(
        ["what", "seconds", "CPU, s"],
        [[name, f"{wall:.1f}", f"{own:.1f}"] for name, (wall, own) in told.items()],
        note=f"{rows:,} rows, {len(columns)} columns, {given.trees} trees; pages of "
        f"{' and '.join(f'{len(page.encode()) / 1e6:.1f} MB' for page in pages.values())}; "
        f"{peak:.1f} GB at most.",
    )
    report.figure("the report in all", told["in all"][0], "s", at_most=60)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        for language, page in pages.items():
            (given.out / f"report_{language}.html").write_text(page, encoding="utf-8")
    report.close()


if __name__ == "__main__":
    main()
