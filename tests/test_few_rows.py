"""What a service answers from bare arrays, against what the same rows give as a frame: each bit."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.explanation.contributions import contributions
from neigung.explanation.reasons import ReasonWriter, offer_reasons, reasons
from neigung.models.dataset import Dataset, build_features
from neigung.models.offers.artefact import OfferArtefact
from neigung.models.offers.dataset import OfferDataset
from neigung.models.offers.model import OfferModel
from neigung.models.offers.uplift import UpliftModel
from neigung.models.propensity.artefact import Artefact, reference_table
from neigung.models.propensity.classifier import PropensityClassifier
from neigung.models.rows import Rows
from neigung.profiles.store import Profiles
from neigung.study import Study

ARMS = ("5%", "10%", "20%")
RATES = {"5%": 0.05, "10%": 0.1, "20%": 0.2}


def rows_of(X: pd.DataFrame) -> Rows:
    """The frame's columns as a service holds them."""
    columns = {}
    for name in X:
        if isinstance(X[name].dtype, pd.CategoricalDtype):
            columns[name] = X[name].astype(object).where(X[name].notna(), None).to_numpy(object)
        else:
            columns[name] = X[name].to_numpy(np.float64)
    return Rows(columns)


@pytest.fixture(scope="module")
def customers(small_tables: dict[str, pd.DataFrame]) -> Dataset:
    """All features of every customer of a small store."""
    study = Study.from_dict(
        {
            "name": "everybody",
            "profiles": "memory",
            "target": {"kind": "purchase", "horizon_days": 14},
            "legal_basis": {"none_needed": "made up"},
        }
    )
    return build_features(study, Profiles.from_tables(small_tables), dt.datetime(2025, 3, 1))


@pytest.fixture(scope="module")
def propensity(customers: Dataset) -> Artefact:
    rng = np.random.default_rng(0)
    X = customers.X.iloc[rng.integers(0, len(customers.X), 600)].reset_index(drop=True)
    # Some categories and gaps of the store are unknown to the model.
    X = X.mask(rng.random(X.shape) < 0.05)
    y = (rng.random(len(X)) < 1 / (1 + X["days_since_last_order"].fillna(30) / 30)).astype(float)
    model = PropensityClassifier({"n_estimators": 80, "feature_fraction": 0.8})
    model.fit(X.head(400), y.head(400)).calibrate(X.tail(200), y.tail(200))
    table = reference_table(model.predict_proba(customers.X)[:, 1])
    return Artefact(model, customers.columns, {}, {}, table)


def offers(customers: Dataset, outcome: str) -> OfferArtefact:
    rng = np.random.default_rng(1)
    chosen = [column for column in customers.columns if column.kind == "category"]
    chosen += [column for column in customers.columns if column.kind == "number"][::6]
    names = [column.name for column in chosen]
    X = customers.X[names].iloc[rng.integers(0, len(customers.X), 1000)].reset_index(drop=True)
    arm = rng.integers(0, 4, len(X))
    rate = np.array([0.0, *RATES.values()])[arm]
    loves = X[names[-1]].rank(pct=True).fillna(0.5).to_numpy()
    purchase = (rng.random(len(X)) < 0.2 + rate * (3 * loves - 1)).astype(float)
    gross = purchase * rng.gamma(3, 20, len(X))
    paid = gross * (1 - rate)
    keys = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(len(X))],
            "cutoff": pd.Timestamp("2025-03-01"),
            "label": purchase if outcome == "purchase" else paid,
            "offer_id": [f"o{i}" for i in range(len(X))],
            "arm": np.array(["none", *ARMS], dtype=object)[arm],
            "discount_rate": rate,
            "assignment_probability": 0.25,
            "campaign_id": "spring",
            "purchase": purchase,
            "value": paid,
            "gross": gross,
            "margin": paid - 0.6 * gross,
        }
    )
    dataset = OfferDataset(
        pd.concat([keys, X], axis=1), tuple(chosen), control="none", arms=ARMS, rates=RATES,
        outcome=outcome, margin_rate=0.4,
    )  # fmt: skip
    decision = {"margin_rate": 0.4, "contact_cost": 0.05} if outcome == "purchase" else {}
    study = {"target": {"outcome": outcome}, "decision": decision}
    return OfferArtefact(OfferModel.fit(dataset, 7), tuple(chosen), study, {})


@pytest.fixture(scope="module")
def discounts(customers: Dataset) -> OfferArtefact:
    """Of purchases, so that the uplift may only rise with the rate; a margin rate decides."""
    return offers(customers, "purchase")


@pytest.fixture(scope="module")
def money(customers: Dataset) -> OfferArtefact:
    """Of money, without a margin rate: the arm of the largest effect is recommended."""
    return offers(customers, "value")


@pytest.fixture(params=["discounts", "money"])
def offer(request: pytest.FixtureRequest) -> OfferArtefact:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


def same(rows: Rows, frame: pd.DataFrame) -> bool:
    assert list(rows) == list(frame)
    return all(np.array_equal(rows[name], frame[name].to_numpy()) for name in rows)


def each(X: pd.DataFrame) -> list[Rows]:
    """Every customer alone."""
    rows = rows_of(X)
    return [rows.take([i]) for i in range(len(X))]


def joined(parts: list[Rows]) -> Rows:
    return Rows({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def test_a_propensity_is_the_same_to_the_last_bit(customers: Dataset, propensity: Artefact) -> None:
    X, ones = customers.X, each(customers.X)
    wanted = propensity.predict(X)
    assert len(X) > 40
    assert wanted["probability"].nunique() > 20
    assert same(propensity.predict(rows_of(X)), wanted)
    assert same(joined([propensity.predict(one) for one in ones]), wanted)
    margin = np.concatenate([propensity.classifier.margin(one) for one in ones])
    assert np.array_equal(margin, propensity.classifier.margin(X))
    exact = propensity.contributions(X)
    assert np.array_equal(propensity.contributions(rows_of(X)), exact)
    assert np.array_equal(np.concatenate([propensity.contributions(one) for one in ones]), exact)
    np.testing.assert_allclose(exact.sum(axis=1), margin, rtol=0, atol=1e-9)


def test_categories_the_model_does_not_know_are_counted(
    customers: Dataset, propensity: Artefact
) -> None:
    name = next(column.name for column in customers.columns if column.kind == "category")
    X = customers.X.head(3).assign(**{name: pd.Categorical(["?", None, "!"])})
    assert propensity.unseen(rows_of(X))[name] == propensity.unseen(X)[name] == 2
    assert same(propensity.predict(rows_of(X)), propensity.predict(X))


def test_an_offer_is_the_same_to_the_last_bit(customers: Dataset, offer: OfferArtefact) -> None:
    X, ones = customers.X, each(customers.X)
    wanted = offer.predict(X)
    assert wanted["recommended_arm"].nunique() > 1
    assert same(offer.predict(rows_of(X)), wanted)
    found = joined([offer.predict(one) for one in ones])
    assert same(found, wanted)
    expected = offer.model.expected(X)
    alone = [offer.model.expected(one) for one in ones]
    chances = np.concatenate([one.probability.to_numpy() for one in alone])
    assert np.array_equal(chances, expected.probability.to_numpy())
    assert np.array_equal(np.concatenate([one.basket for one in alone]), expected.basket)
    assert alone[0].rates == expected.rates
    assert list(alone[0].probability) == list(expected.probability)


def test_an_uplift_is_explained_for_the_arm_of_each_row(
    customers: Dataset, offer: OfferArtefact
) -> None:
    X = customers.X
    predicted = offer.predict(X)
    arms = offer.explained_arms(predicted)
    uplift = predicted[[f"uplift_{arm}" for arm in ARMS]].to_numpy()
    for arm, told, own in zip(predicted["recommended_arm"], arms, uplift, strict=True):
        assert told == (ARMS[int(own.argmax())] if arm == "none" else arm)
    assert np.array_equal(offer.explained_arms(offer.predict(rows_of(X))), arms)
    wanted = np.vstack([offer.contributions(X.iloc[[i]], arm) for i, arm in enumerate(arms)])
    assert np.array_equal(offer.contributions(X, arms), wanted)
    assert np.array_equal(offer.contributions(rows_of(X), list(arms)), wanted)
    alone = [offer.contributions(one, arms[[i]]) for i, one in enumerate(each(X))]
    assert np.array_equal(np.concatenate(alone), wanted)
    told = uplift[np.arange(len(X)), [ARMS.index(arm) for arm in arms]]
    np.testing.assert_allclose(wanted.sum(axis=1), told, rtol=0, atol=1e-9)


def test_neighbouring_rates_are_averaged_alike(
    customers: Dataset, discounts: OfferArtefact
) -> None:
    """Where the uplift would fall with the rate, rows and frames take the same mean."""
    model = UpliftModel.from_dict(
        discounts.model.uplift.to_dict(), discounts.model.uplift.model_texts_
    )
    model.calibration_ = replace(model.calibration_, level=np.full(3, 0.05), slope=np.ones(3))
    X = customers.X
    falls = (np.diff(model._raw(X), axis=1) < 0).any(axis=1)
    assert falls.sum() > 5
    assert model.rising_
    low, high = model.interval(X)
    ones = each(X)
    assert same(joined([model.predict(one) for one in ones]), model.predict(X))
    assert same(joined([model.interval(one)[0] for one in ones]), low)
    assert same(joined([model.interval(one)[1] for one in ones]), high)
    for arm in ARMS:
        exact = np.concatenate([model.contributions(one, arm) for one in ones])
        assert np.array_equal(exact, model.contributions(X, arm))


def test_reasons_of_a_propensity_are_the_same(customers: Dataset, propensity: Artefact) -> None:
    X = customers.X
    given = contributions(propensity, X)
    wanted = reasons(given, X, k=5)
    assert all(wanted)
    assert reasons(contributions(propensity, rows_of(X)), rows_of(X), k=5) == wanted
    writer = ReasonWriter(propensity.columns)
    assert writer.write(given.values, rows_of(X), 5) == wanted
    assert [writer.write(given.values[[i]], one, 5)[0] for i, one in enumerate(each(X))] == wanted


def test_reasons_of_offers_are_the_same(customers: Dataset, offer: OfferArtefact) -> None:
    X, rows = customers.X, rows_of(customers.X)
    predicted = offer.predict(rows)
    recommended = predicted["recommended_arm"]
    wanted = offer_reasons(offer, X, recommended)
    assert offer_reasons(offer, rows, recommended) == wanted
    arms = offer.explained_arms(predicted)
    values = offer.contributions(rows, arms)[:, :-1]
    writer = ReasonWriter(offer.columns)
    assert writer.write(values, rows, arms=arms) == wanted
    one = writer.write(values[:1], rows.take([0]), arms=str(arms[0]))
    assert one == wanted[:1]
    assert f"reaction to {arms[0]} expected – " in one[0][0].text_en


def test_threads_share_a_writer(customers: Dataset, propensity: Artefact) -> None:
    ones = each(customers.X)
    values = propensity.contributions(customers.X)[:, :-1]
    wanted = [
        ReasonWriter(propensity.columns).write(values[[i]], ones[i]) for i in range(len(ones))
    ]
    writer = ReasonWriter(propensity.columns)

    def tell(i: int) -> Any:
        return writer.write(values[[i % len(ones)]], ones[i % len(ones)])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(tell, range(4 * len(ones)))) == wanted * 4


def test_no_rows_and_rows_that_do_not_fit(
    customers: Dataset, propensity: Artefact, discounts: OfferArtefact
) -> None:
    rows = rows_of(customers.X)
    none = rows.take([])
    writer = ReasonWriter(propensity.columns)
    p = len(propensity.columns)
    assert len(propensity.predict(none)) == 0
    assert propensity.contributions(none).shape == (0, p + 1)
    assert writer.write(np.empty((0, p)), none) == []
    assert list(discounts.predict(none)) == list(discounts.predict(rows))
    assert len(discounts.model.expected(none).basket) == 0
    assert discounts.contributions(none, []).shape == (0, len(discounts.columns) + 1)
    with pytest.raises(InputError, match=r"contributions of the shape \(2, "):
        writer.write(np.zeros((2, p + 1)), rows.take([0, 1]))
    with pytest.raises(InputError, match=r"one arm for all or one for each row, but found \(1,\)"):
        writer.write(np.zeros((2, p)), rows.take([0, 1]), arms=["5%"])
    with pytest.raises(InputError, match="One arm for each of the 2 rows is needed"):
        discounts.contributions(rows.take([0, 1]), ["5%"])
    with pytest.raises(InputError, match="found 'none'"):
        discounts.contributions(rows.take([0, 1]), ["5%", "none"])
