import json
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.special import expit

from neigung.errors import InputError
from neigung.features.feature import Column
from neigung.models.offers import model as offer_model
from neigung.models.offers.dataset import OfferDataset
from neigung.models.offers.model import OfferModel, fit_base, values_given
from neigung.models.propensity.classifier import PropensityClassifier

Floats = npt.NDArray[np.float64]

ARMS = ("5%", "10%", "20%")
RATES = {"5%": 0.05, "10%": 0.1, "20%": 0.2}
COLUMNS = tuple(
    Column(name, name, None, "", "orders", kind, name, name)
    for name, kind in (("loyal", "number"), ("bargain", "number"), ("city", "category"))
)


def offers(
    n: int, seed: int, *, outcome: str = "purchase", effect: float = 0.15, targeted: bool = False
) -> tuple[OfferDataset, Floats]:
    """Offers with known truth: the chance of an order under every arm (n, 4)."""
    rng = np.random.default_rng(seed)
    loyal, bargain = rng.normal(size=(2, n))
    base = expit(-1.8 + loyal)
    moved = effect * (bargain > 0)
    chances = np.clip(base[:, None] + moved[:, None] * [0, 0.5, 1, 1.2], 0, 1)
    if targeted:
        pull = np.exp(np.outer(1.5 * loyal, [-1, 0, 0.5, 0.5]))
        given = 0.05 + 0.8 * pull / pull.sum(axis=1, keepdims=True)
    else:
        given = np.full((n, 4), 0.25)
    got = (rng.random((n, 1)) > given.cumsum(axis=1)).sum(axis=1).clip(0, 3)
    rows = np.arange(n)
    purchase = (rng.random(n) < chances[rows, got]).astype(float)
    gross = purchase * rng.gamma(3, 20, n)
    value = gross * (1 - 0.04 - np.array([0, 0.05, 0.1, 0.2])[got])
    margin = value - (1 - 0.4) * gross
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i:06d}" for i in rows],
            "cutoff": pd.Timestamp("2025-03-01"),
            "label": {"purchase": purchase, "value": value, "margin": margin}[outcome],
            "offer_id": [f"o{i}" for i in rows],
            "arm": np.array(["none", *ARMS], dtype=object)[got],
            "discount_rate": np.nan,
            "assignment_probability": np.nan if targeted else given[rows, got],
            "campaign_id": "spring",
            "purchase": purchase,
            "value": value,
            "gross": gross,
            "margin": margin,
            "loyal": loyal,
            "bargain": bargain,
            "city": pd.Categorical(rng.choice(["Köln", "Bonn"], n)),
        }
    )
    dataset = OfferDataset(
        frame,
        COLUMNS,
        control="none",
        arms=ARMS,
        rates=RATES,
        outcome=outcome,
        margin_rate=0.4,
    )
    return dataset, chances


@pytest.fixture(scope="module")
def model() -> OfferModel:
    return OfferModel.fit(offers(5_000, seed=0)[0], seed=7)


@pytest.fixture(scope="module")
def on_margin() -> OfferModel:
    return OfferModel.fit(offers(1_000, seed=1, outcome="margin")[0], seed=7)


@pytest.fixture(scope="module")
def targeted() -> OfferModel:
    return OfferModel.fit(offers(1_000, seed=9, targeted=True)[0], seed=7)


def test_expects_the_chances_that_are_there(model: OfferModel) -> None:
    new, chances = offers(5_000, seed=2)
    expected = model.expected(new.X)
    assert expected.names == ("none", *ARMS)
    assert dict(expected.rates) == {"none": 0.0, **RATES}
    found = expected.probability.to_numpy()
    assert found.mean(axis=0) == pytest.approx(chances.mean(axis=0), rel=0.12)
    assert (np.sqrt(((found - chances) ** 2).mean(axis=0)) < 0.55 * chances.std(axis=0)).all()


def test_money_adds_up_to_what_came_in(model: OfferModel) -> None:
    new, _ = offers(20_000, seed=3)
    expected = model.expected(new.X)
    assert model.ambient == pytest.approx(0.04)
    for arm in ("none", "10%"):
        rows = new.arm == arm
        value, margin = expected.value()[arm], expected.margin(0.4)[arm]
        assert value[rows].sum() == pytest.approx(new.value[rows].sum(), rel=0.15)
        assert margin[rows].sum() == pytest.approx(new.margin[rows].sum(), rel=0.15)


def test_chance_with_an_arm_is_that_without_plus_the_effect_kept_in_bounds(
    model: OfferModel,
) -> None:
    X = offers(500, seed=4)[0].X
    expected = model.expected(X).probability
    effect = model.purchase.predict(X)
    for arm in ARMS:
        both = np.clip(expected["none"] + effect[arm], 0, 1)
        np.testing.assert_array_equal(expected[arm], both)


def test_purchase_is_learned_once(model: OfferModel, on_margin: OfferModel) -> None:
    assert model.outcome == "purchase"
    assert model.purchase is model.uplift
    assert on_margin.outcome == "margin"
    assert on_margin.purchase is not on_margin.uplift
    X = offers(200, seed=5)[0].X
    assert np.abs(on_margin.purchase.predict(X).to_numpy()).max() < 1
    assert on_margin.uplift.predict(X).shape == (200, 3)


def test_expected_outcomes_are_in_the_outcomes_units(
    model: OfferModel, on_margin: OfferModel
) -> None:
    X = offers(300, seed=6)[0].X
    pd.testing.assert_frame_equal(model.expected_outcomes(X), model.expected(X).probability)
    assert on_margin.margin_rate == pytest.approx(0.4, abs=1e-12)
    pd.testing.assert_frame_equal(
        on_margin.expected_outcomes(X), on_margin.expected(X).margin(on_margin.margin_rate or 0)
    )
    on_value = replace(model, outcome="value")
    pd.testing.assert_frame_equal(on_value.expected_outcomes(X), on_value.expected(X).value())


def test_chances_are_the_recorded_ones_or_estimated_campaign_by_campaign() -> None:
    known, _ = offers(300, seed=6)
    np.testing.assert_allclose(known.chances(0), 0.25)
    rng = np.random.default_rng(1)
    campaign = np.repeat(["spring", "autumn"], 2_000)
    contacted = rng.random(4_000) < np.where(campaign == "spring", 0.2, 0.8)
    rows = offers(4_000, seed=6)[0].frame.assign(
        arm=np.where(contacted, "5%", "none"), campaign_id=campaign, assignment_probability=np.nan
    )
    chances = OfferDataset(rows, COLUMNS, arms=("5%",)).chances(0)
    assert list(chances) == ["none", "5%"]
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    means = chances["5%"].groupby(campaign).mean()
    assert means["spring"] == pytest.approx(0.2, abs=0.05)
    assert means["autumn"] == pytest.approx(0.8, abs=0.05)


def test_round_trip_is_exact(
    model: OfferModel, on_margin: OfferModel, targeted: OfferModel
) -> None:
    X = offers(400, seed=8)[0].X
    for one in (model, on_margin, targeted):
        state = json.loads(json.dumps(one.to_dict()))
        again = OfferModel.from_dict(state, one.model_texts_)
        assert again.to_dict() == one.to_dict()
        assert again.model_texts_ == one.model_texts_
        assert (again.purchase is again.uplift) == (one.purchase is one.uplift)
        pd.testing.assert_frame_equal(again.expected(X).probability, one.expected(X).probability)
        assert np.array_equal(again.expected(X).basket, one.expected(X).basket)
        pd.testing.assert_frame_equal(again.expected_outcomes(X), one.expected_outcomes(X))
        pd.testing.assert_frame_equal(again.uplift.predict(X), one.uplift.predict(X))


def test_texts_are_files_of_one_folder(on_margin: OfferModel) -> None:
    names = list(on_margin.model_texts_)
    assert all(name == name.replace("/", "") and name.endswith(".txt") for name in names)
    assert {name.split("_")[0] for name in names} >= {"base.txt", "uplift", "purchase"}


def test_same_offers_and_seed_give_the_same_model(targeted: OfferModel) -> None:
    twin = OfferModel.fit(offers(1_000, seed=9, targeted=True)[0], seed=7)
    assert json.dumps(twin.to_dict()) == json.dumps(targeted.to_dict())
    assert twin.model_texts_ == targeted.model_texts_


def test_many_rows_are_predicted_in_parts_alike(
    model: OfferModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = offers(250, seed=11)[0].X.set_index(pd.Index(np.arange(250)[::-1]))
    whole = model.expected(X)
    monkeypatch.setattr(offer_model, "ROWS_AT_ONCE", 60)
    parts = model.expected(X)
    pd.testing.assert_frame_equal(parts.probability, whole.probability)
    assert np.array_equal(parts.basket, whole.basket)
    assert len(model.expected(X.head(0)).probability) == 0


def test_arms_that_are_no_discounts_or_share_a_rate() -> None:
    dataset, _ = offers(800, seed=12)
    channels = replace(
        dataset,
        frame=dataset.frame.replace({"arm": {"5%": "email", "10%": "post", "20%": "voucher"}}),
        arms=("email", "post", "voucher"),
        rates={"email": 0.0, "post": 0.0, "voucher": 0.2},
    )
    model = OfferModel.fit(channels, seed=3)
    assert model.uplift.rates_ is None
    assert dict(model.expected(channels.X).rates) == {
        "none": 0.0, "email": 0.0, "post": 0.0, "voucher": 0.2,
    }  # fmt: skip
    assert set(replace(model, rates=None).expected(channels.X).rates.values()) == {0.0}


def base_of(
    dataset: OfferDataset, chances: Floats, purchase: Floats | None = None
) -> PropensityClassifier:
    """The base, where the effects are known."""
    effects = pd.DataFrame(chances[:, 1:] - chances[:, :1], columns=list(ARMS))
    return fit_base(
        dataset.X,
        dataset.purchase if purchase is None else purchase,
        dataset.arm == "none",
        values_given(effects, dataset.arm),
        dataset.groups,
        seed=7,
    )


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("effect", [0.02, 0.5])
def test_base_is_the_chance_without_an_offer_whatever_offers_do(
    effect: float, targeted: bool
) -> None:
    base = base_of(*offers(6_000, seed=13, effect=effect, targeted=targeted))
    new, chances = offers(5_000, seed=14, effect=effect, targeted=targeted)
    found = base.predict_proba(new.X)[:, 1]
    assert np.sqrt(((found - chances[:, 0]) ** 2).mean()) < 0.7 * chances[:, 0].std()
    assert found.mean() == pytest.approx(chances[:, 0].mean(), rel=0.1)


def test_base_and_effects_together_give_the_orders_that_came() -> None:
    dataset, _ = offers(4_000, seed=18)
    model = OfferModel.fit(dataset, seed=7)
    probability = model.expected(dataset.X).probability
    given = probability.columns.get_indexer(pd.Index(dataset.arm))
    told = probability.to_numpy()[np.arange(len(dataset)), given]
    assert told.mean() == pytest.approx(dataset.purchase.mean(), rel=0.02)


def test_small_effects_let_rows_with_an_offer_teach_the_base() -> None:
    dataset, chances = offers(3_000, seed=15, effect=0.0)
    without = dataset.arm == "none"
    alone = replace(dataset, frame=dataset.frame[without].reset_index(drop=True))
    errors = [
        np.mean((model.predict_proba(dataset.X)[:, 1] - chances[:, 0]) ** 2)
        for model in (base_of(dataset, chances), base_of(alone, chances[without]))
    ]
    assert errors[0] < 0.8 * errors[1]


def test_control_without_orders_is_refused() -> None:
    dataset, chances = offers(300, seed=17)
    without = dataset.arm == "none"
    purchase = np.where(without, 0.0, dataset.purchase)
    with pytest.raises(InputError, match=r"offers of the control, but all \d+ rows have 0"):
        base_of(dataset, chances, purchase)
    rare = np.where(without, 0.0, dataset.purchase)
    rare[np.flatnonzero(without)[0]] = 1.0
    assert 0 < base_of(dataset, chances, rare).predict_proba(dataset.X)[:, 1].max() < 0.2
