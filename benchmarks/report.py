"""How long the report on a large study takes, from the finished model to both pages.

    .venv/bin/python benchmarks/report.py [--rows 100000] [--columns 150] [--trees 300] [--out DIR]

Made-up customers with the columns of the real library, four sensitive attributes among them. All
rows are explained; drift, groups, other seeds and a champion are assessed on all of them, too. With
`--out` the pages are kept. What is measured is a training's work after its tests, without fitting
the variations and without MLflow.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neigung.evaluation.baselines import fit_baselines
from neigung.evaluation.comparison import compare
from neigung.evaluation.evaluate import activity_segment, evaluate
from neigung.evaluation.fairness import assess_fairness
from neigung.evaluation.fitness import judge_fitness
from neigung.evaluation.stability import assess_stability, seed_table
from neigung.explanation.contributions import contributions
from neigung.explanation.evidence import Evidence
from neigung.explanation.explain import Explanation, explain
from neigung.explanation.report import build_report
from neigung.features.feature import Column
from neigung.features.library import library
from neigung.models.artefact import Artefact, reference_table
from neigung.models.classifier import PropensityClassifier
from neigung.models.dataset import Dataset
from neigung.models.usual import usual_values
from neigung.study import Study

CUTOFFS = [f"2025-0{month}-01" for month in range(1, 7)]
ATTRIBUTES = {
    "age": ["18-29", "30-39", "40-49", "50-59", "60+"],
    "sex": ["female", "male", "diverse"],
    "region": [f"region {number:02d}" for number in range(16)],
    "income": ["low", "middle", "high"],
}
FITTED_ROWS = 30_000
LANGUAGES = ("en", "de")

Timed = Callable[[str], AbstractContextManager[None]]


def columns_of(count: int) -> tuple[Column, ...]:
    """The first of the library, and the attributes."""
    found = [column for one in library() for column in one.columns][: count - len(ATTRIBUTES)]
    for name in ATTRIBUTES:
        key = f"attribute_{name}"
        texts = (f"Attribute “{name}”", f"Merkmal „{name}“")
        found.append(Column(key, key, None, "category", "attributes", "category", *texts))
    return tuple(found)


def made(columns: tuple[Column, ...], count: int, cutoff: str, seed: int) -> Dataset:
    """Customers at one cutoff; those who ordered often, and lately, order again."""
    rng = np.random.default_rng(seed)
    eager = rng.gamma(1.5, 1.0, count)
    frame: dict[str, Any] = {
        "customer_id": np.char.add("customer-", np.arange(count).astype(str)).astype(object),
        "cutoff": np.full(count, np.datetime64(cutoff, "us")),
    }
    for column in columns:
        if column.kind == "category":
            levels = ATTRIBUTES.get(column.name.removeprefix("attribute_"), ["web", "app", "store"])
            codes = rng.integers(-1, len(levels), count)
            frame[column.name] = pd.Categorical.from_codes(codes, levels)
            continue
        frame[column.name] = values(column.unit, eager, rng)
    odds = 1.2 * np.log(eager) - 0.3 + 0.3 * rng.normal(size=count)
    frame["label"] = (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(float)
    return Dataset(pd.DataFrame(frame), columns)


def values(unit: str, eager: Any, rng: np.random.Generator) -> Any:
    """Numbers as a feature of this unit has them, a tenth of them missing where that can be."""
    count = len(eager)
    if unit == "share":
        found = rng.beta(1 + eager, 3)
    elif unit in ("days", "hours", "clock"):
        found = np.round(rng.gamma(1.2, 40 / (0.3 + eager)), 1)
    elif unit in ("currency", "ratio", "points"):
        found = np.round(rng.gamma(1 + eager, 20), 2)
    else:
        return rng.poisson(3 * eager).astype(float)
    return np.where(rng.random(count) < 0.1, np.nan, found)


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
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--columns", type=int, default=150)
    options.add_argument("--trees", type=int, default=300)
    options.add_argument("--out", type=Path)
    given = options.parse_args()

    columns = columns_of(given.columns)
    train = made(columns, min(FITTED_ROWS, given.rows), CUTOFFS[-2], 1)
    test = made(columns, given.rows, CUTOFFS[-1], 2)
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

    print(
        f"{given.rows:,} rows, {len(columns)} columns, {given.trees} trees, {os.cpu_count()} cores"
    )
    print(f"{'':>20} {'seconds':>8} {'CPU':>8}")
    for name, (wall, own) in told.items():
        print(f"{name:>20} {wall:>8.1f} {own:>8.1f}")
    wall, own = (sum(times) for times in zip(*told.values(), strict=True))
    print(f"{'in all':>20} {wall:>8.1f} {own:>8.1f}")
    sizes = ", ".join(f"{name} {len(page.encode()) / 1e6:.2f} MB" for name, page in pages.items())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"pages: {sizes}; peak memory {peak:.1f} GB")
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        for language, page in pages.items():
            (given.out / f"report_{language}.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
