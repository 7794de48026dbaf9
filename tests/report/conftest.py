"""A small model, its evaluation and its test rows, with hostile ids and category names."""

import numpy as np
import pandas as pd
import pytest

from neigung.evaluation.comparison import compare
from neigung.evaluation.fairness.fairness import assess_fairness
from neigung.evaluation.propensity.evaluate import evaluate
from neigung.evaluation.stability import assess_stability, seed_table
from neigung.explanation.contributions import Contributions
from neigung.explanation.explain import explain
from neigung.features.feature import Column
from neigung.judgement.fitness import judge_fitness
from neigung.language import Message
from neigung.models.dataset import Dataset
from neigung.models.propensity.artefact import Artefact, reference_table
from neigung.models.propensity.classifier import PropensityClassifier
from neigung.report.driver import build_report
from neigung.report.evidence import Evidence
from neigung.study import Study

HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}{value} $x^2$"

COLUMNS = (
    Column(
        *("days_since_last_order", "days_since_last_order", None, "days", "rhythm", "number"),
        *("Days since the last order", "Tage seit der letzten Bestellung"),
        "Last order {value} ago, usually every {order_gap_median}",
        "Letzte Bestellung vor {value}, sonst alle {order_gap_median}",
    ),
    Column(
        *("order_gap_median", "order_gap_median", None, "days", "rhythm", "number"),
        *("Median of the days between two orders", "Median der Tage zwischen zwei Bestellungen"),
    ),
    *(
        Column(
            *(f"order_count_{days}d", "order_count", days, "orders", "orders", "number"),
            *("Number of orders", "Anzahl der Bestellungen"),
        )
        for days in (30, 90)
    ),
    Column(
        *("discount_share", "discount_share", None, "share", "discounts", "number"),
        *("Share of the value discounted", "Anteil des rabattierten Werts"),
        "{value} saved through discounts",
        "{value} durch Rabatte gespart",
    ),
    Column(
        *("last_channel", "last_channel", None, "category", "habits", "category"),
        *("Channel of the last order", "Kanal der letzten Bestellung"),
    ),
)

REGION = Column(
    *("attribute_region", "attribute_region", None, "category", "attributes", "category"),
    *("Attribute “region”", "Merkmal „region“"),
)

NOTE = ("It <had> learned from this test.", "Er <hatte> aus diesem Test gelernt.")


def rows(count: int, cutoff: str, seed: int) -> pd.DataFrame:
    """Made-up features, and an outcome that follows from some of them."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": [f"Kundin-{i}<b>&ü" for i in range(count)],
            "cutoff": pd.Timestamp(cutoff).as_unit("us"),
            "label": 0.0,
            "days_since_last_order": rng.gamma(1.2, 20, count).round(),
            "order_gap_median": rng.gamma(2, 8, count).round(),
            "order_count_30d": rng.poisson(2, count).astype(float),
            "order_count_90d": rng.poisson(5, count).astype(float),
            "discount_share": rng.random(count),
            "last_channel": pd.Categorical(rng.choice(["web", "app", HOSTILE], count)),
        }
    )
    for name in ("order_gap_median", "last_channel"):
        frame.loc[rng.random(count) < 0.1, name] = np.nan
    margin = (
        1
        - 0.05 * frame["days_since_last_order"]
        + 0.4 * frame["order_count_30d"]
        - 1.5 * (frame["last_channel"] == "app")
        - 0.02 * frame["order_gap_median"].fillna(30)
    )
    frame["label"] = (rng.random(count) < 1 / (1 + np.exp(-margin))).astype(float)
    return frame


@pytest.fixture(scope="session")
def artefact() -> Artefact:
    names = [column.name for column in COLUMNS]
    train, later = rows(1500, "2017-08-01", 1), rows(600, "2017-11-20", 2)
    model = PropensityClassifier({"n_estimators": 40}, num_threads=1)
    model.fit(train[names], train["label"]).calibrate(later[names], later["label"])
    study = {
        "name": "purchase_7d",
        "profiles": "profiles",
        "target": {"kind": "purchase", "horizon_days": 7},
        "legal_basis": {"none_needed": "<i>test</i> data"},
    }
    splits = {
        "train": ["2017-06-01T00:00:00", "2017-08-01T00:00:00"],
        "folds": [{"train": ["2017-06-01T00:00:00"], "validation": "2017-08-01T00:00:00"}],
        "test": "2017-12-20T00:00:00",
    }
    return Artefact(
        model,
        COLUMNS,
        Study.from_dict(study).to_dict() | {"profiles": None},
        {"splits": splits, "rows": {"train": 1500}},
        reference_table(model.predict_proba(later[names])[:, 1]),
    )


@pytest.fixture(scope="session")
def test_rows() -> Dataset:
    return Dataset(rows(400, "2017-12-20", 3), COLUMNS, ("2 features left out: no <returns>",))


@pytest.fixture(scope="session")
def hostile() -> str:
    return HOSTILE


@pytest.fixture(scope="session")
def evaluation(artefact, test_rows):
    return _evaluation(artefact, test_rows)


@pytest.fixture(scope="session")
def make_evaluation():
    return _evaluation


def _evaluation(artefact, test_rows, segments=True, swap=False):
    """An evaluation against a mere recency rule; `swap` lets the rule win."""
    ours = artefact.predict(test_rows.X)["probability"].to_numpy()
    theirs = 1 / (1 + np.exp(0.02 * test_rows.frame["days_since_last_order"].to_numpy()))
    predictions = {"model": theirs, "bg_nbd": ours} if swap else {"model": ours, "bg_nbd": theirs}
    folds = [(pd.Timestamp("2017-08-01"), test_rows.y, test_rows.groups, predictions)]
    levels = test_rows.frame[["last_channel"]] if segments else None
    return evaluate(
        test_rows, predictions, folds=folds if segments else (), segments=levels, repetitions=40
    )


@pytest.fixture(scope="session")
def evidence(artefact, evaluation, test_rows):
    """All that can speak for a model, with a champion and hostile groups."""
    return _evidence(artefact, evaluation, test_rows, whole=True)


@pytest.fixture(scope="session")
def make_evidence():
    """Makes an evidence of an evaluation, with only what every report has."""
    return _evidence


def _evidence(artefact, evaluation, test_rows, whole=False, **parts):
    parts = {**(_examined(artefact, test_rows) if whole else {}), **parts}
    examined = {key: parts[key] for key in ("stability", "fairness") if key in parts}
    parts.setdefault("explanation", explain(artefact, test_rows))
    parts.setdefault("fitness", judge_fitness(evaluation, **examined))
    return Evidence(evaluation=evaluation, **parts)


def _examined(artefact, test_rows):
    X, y, customers = test_rows.X, test_rows.y, test_rows.groups
    told = artefact.predict(X)
    score, band = told["probability"].to_numpy(), told["band"].to_numpy()
    rng = np.random.default_rng(5)
    other = np.clip(score + rng.normal(0, 0.05, len(score)), 0, 1)
    names = [column.name for column in COLUMNS]
    sizes = np.abs(artefact.classifier.contributions(X)[:, :-1]).mean(axis=0)
    importance = dict(zip(names, sizes, strict=True))
    before = rows(500, "2017-11-20", 2)
    region = pd.DataFrame({REGION.name: np.where(X["order_count_30d"] > 2, HOSTILE, "north")})
    return {
        "stability": assess_stability(
            before,
            {"test": X},
            COLUMNS,
            scores={"before": artefact.predict(before)["probability"], "test": score},
            importance=importance,
            train_y=before["label"],
            test_y=y,
            seeds=seed_table("average_precision", score, {8: other}, y, registered_seed=7),
        ),
        "fairness": assess_fairness(
            region,
            (*COLUMNS, REGION),
            X,
            score,
            band == "high",
            customers,
            y=y,
            importance=importance | {REGION.name: 0.01},
            without=other,
            repetitions=20,
        ),
        "comparison": compare(
            2,
            y=y,
            groups=customers,
            scores={"this": score, "champion": other},
            bands={"this": band, "champion": band[::-1]},
            importance={"this": importance, "champion": {"order_count_30d": 0.3}},
            columns=COLUMNS,
            band_order=[name for name, _ in artefact.bands],
            notes=[Message.read(NOTE)],
            repetitions=20,
        ),
        "tables": pd.DataFrame(
            [
                [
                    "order_lines",
                    5321,
                    400,
                    pd.Timestamp("2017-01-01"),
                    pd.Timestamp("2017-12-30"),
                    5,
                ],
                ["customers", 400, 400, pd.NaT, pd.NaT, 1],
            ],
            columns=["table", "rows", "customers", "first", "last", "features"],
        ),
    }


@pytest.fixture(scope="session")
def pages(artefact, evidence, test_rows) -> dict[str, str]:
    """The report with all its parts, in both languages."""
    provenance = {"git commit": "abc<123>"}
    return {
        language: build_report(
            artefact, evidence, test_rows, language=language, provenance=provenance
        )
        for language in ("en", "de")
    }


@pytest.fixture
def one_row():
    """Contributions of one row by column name, over all columns."""

    def make(**values: float) -> Contributions:
        row = np.array([[values.get(column.name, 0.0) for column in COLUMNS]])
        return Contributions(row, 0.5, COLUMNS, row.sum(axis=1) + 0.5)

    return make


@pytest.fixture(scope="session")
def offer_case():
    """Makes the case of an offer study; each only once."""
    from tests.report.offers import offer_case as make

    made = {}

    def case(**kind):
        key = tuple(sorted((name, str(value)) for name, value in kind.items()))
        if key not in made:
            made[key] = make(**kind)
        return made[key]

    return case


@pytest.fixture(scope="session")
def offer_evidence(offer_case):
    """All that can speak for the model of a clean trial."""
    from tests.report.offers import offer_evidence as make

    return make(offer_case(), whole=True)


@pytest.fixture(scope="session")
def offer_pages(offer_case, offer_evidence) -> dict[str, str]:
    """The report of a clean trial, with all its parts, in both languages."""
    from neigung.report.driver import build_report

    case = offer_case()
    return {
        language: build_report(
            case.artefact,
            offer_evidence,
            case.test,
            language=language,
            provenance={"git_commit": "abc<123>"},
        )
        for language in ("en", "de")
    }
