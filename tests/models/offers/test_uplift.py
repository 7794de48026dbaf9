"""UpliftModel on trials whose effects are known."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from neigung.errors import InputError
from neigung.models.offers.uplift import UpliftModel

RATES = {"5%": 0.05, "10%": 0.1, "20%": 0.2}


def features(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    X = pd.DataFrame(rng.normal(size=(rows, 5)), columns=list("abcde"))
    X["orders"] = rng.poisson(3, rows)
    X["channel"] = pd.Categorical(rng.choice(["web", "app", "store"], rows))
    X.loc[rng.random(rows) < 0.2, "b"] = np.nan
    X.loc[rng.random(rows) < 0.1, "channel"] = None
    return X


def discounts(
    rows: int, seed: int, effect: float = 1.0
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray, pd.DataFrame]:
    """Features, purchases, arms, chances and true effects of a trial of three discounts."""
    rng = np.random.default_rng(seed)
    X = features(rng, rows)
    base = -1.5 + 0.5 * X["c"].to_numpy()
    push = effect * (1.2 * (X["a"] > 0) + 0.4 * (X["channel"] == "app")).to_numpy(float)
    doses = np.array([0.0, 0.4, 0.7, 1.0])
    p = 1 / (1 + np.exp(-(base[:, None] + push[:, None] * doses)))
    arm = rng.choice(4, rows, p=[0.4, 0.2, 0.2, 0.2])
    y = (rng.random(rows) < p[np.arange(rows), arm]).astype(float)
    chances = np.array([0.4, 0.2, 0.2, 0.2])[arm]
    tau = pd.DataFrame(p[:, 1:] - p[:, :1], columns=list(RATES))
    return X, y, np.array(["none", *RATES], dtype=object)[arm], chances, tau


def spend(
    rows: int, seed: int, effect: float = 20.0
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Features, money, arms and true effects of a trial of a mailing."""
    rng = np.random.default_rng(seed)
    X = features(rng, rows)
    tau = effect * (X["a"] > 0).to_numpy(float)
    arm = rng.random(rows) < 0.5
    y = 5 * X["orders"] + tau * arm + rng.gamma(2, 5, rows)
    return X, y.to_numpy(), np.where(arm, "mail", "none"), tau


@pytest.fixture(scope="module")
def discount_model() -> tuple[UpliftModel, pd.DataFrame, pd.DataFrame]:
    X, y, arm, chances, _ = discounts(4_000, 0)
    new, *_, tau = discounts(2_000, 1)
    return UpliftModel(rates=RATES).fit(X, y, arm, chances), new, tau


@pytest.fixture(scope="module")
def mail_model() -> tuple[UpliftModel, pd.DataFrame, np.ndarray]:
    X, y, arm, _ = spend(4_000, 0)
    new, _, _, tau = spend(1_000, 1)
    return UpliftModel().fit(X, y, arm), new, tau


def error(found: Any, truth: Any) -> float:
    """Root mean squared error over the spread of the truth."""
    found, truth = np.asarray(found), np.asarray(truth)
    return float(np.sqrt(((found - truth) ** 2).mean()) / truth.std())


def test_effects_on_purchase_are_found(discount_model: Any) -> None:
    model, X, tau = discount_model
    found = model.predict(X)
    assert list(found.columns) == model.arms_ == ["5%", "10%", "20%"]
    pd.testing.assert_index_equal(found.index, X.index)
    assert error(found["20%"], tau["20%"]) < 0.6
    np.testing.assert_allclose(found.mean(), tau.mean(), atol=0.04)


def test_effects_on_money_are_found(mail_model: Any) -> None:
    model, X, tau = mail_model
    assert model.rates_ is None
    assert error(model.predict(X)["mail"], tau) < 0.3


@pytest.mark.parametrize("which", ["discount_model", "mail_model"])
def test_contributions_sum_to_the_prediction(which: str, request: pytest.FixtureRequest) -> None:
    model, X, _ = request.getfixturevalue(which)
    predicted = model.predict(X)
    for arm in model.arms_:
        parts = model.contributions(X, arm)
        assert parts.shape == (len(X), X.shape[1] + 1)
        np.testing.assert_allclose(parts.sum(axis=1), predicted[arm], atol=1e-9, rtol=0)
    assert np.abs(parts[:, X.columns.get_loc("a")]).mean() > np.abs(parts[:, :-1]).mean()


def test_contributions_stay_exact_where_neighbouring_rates_had_to_be_averaged() -> None:
    X, y, arm, chances, _ = discounts(800, 4, effect=0.3)
    model = UpliftModel(rates=RATES).fit(X, y, arm, chances)
    # Levels that fall with the rate make nearly every customer need the averaging.
    object.__setattr__(model.calibration_, "level", np.array([0.05, 0.04, 0.03]))
    model.calibration_.slope[:] = 1.0
    found = model.predict(X).to_numpy()
    assert (np.diff(model._raw(X), axis=1) < 0).any()
    assert (np.diff(found, axis=1) >= -1e-12).all()
    for j, name in enumerate(model.arms_):
        total = model.contributions(X, name).sum(axis=1)
        np.testing.assert_allclose(total, found[:, j], atol=1e-9, rtol=0)


def test_more_discount_never_hurts_a_purchase(discount_model: Any) -> None:
    model, X, _ = discount_model
    rates = [0.01, 0.03, 0.05, 0.06, 0.1, 0.13, 0.2]
    along = np.column_stack([model.predict_rate(X, rate) for rate in rates])
    assert (np.diff(along, axis=1) >= -1e-12).all()


def test_the_rate_of_an_arm_is_the_arm(discount_model: Any) -> None:
    model, X, _ = discount_model
    for arm, rate in RATES.items():
        np.testing.assert_array_equal(model.predict_rate(X, rate), model.predict(X)[arm])


@pytest.mark.parametrize("rate", [0.0, -0.1, 0.21, 5.0])
def test_rates_beyond_the_trial_are_refused(rate: float, discount_model: Any) -> None:
    model, X, _ = discount_model
    with pytest.raises(InputError, match=r"up to the highest arm's, 0\.2"):
        model.predict_rate(X, rate)


def test_arms_without_rates_have_none_to_ask(mail_model: Any) -> None:
    model, X, _ = mail_model
    with pytest.raises(InputError, match="mail have none"):
        model.predict_rate(X, 0.1)


def test_rates_are_read_from_names_that_are_nothing_else() -> None:
    X, y, arm, chances, _ = discounts(800, 2)
    assert UpliftModel().fit(X, y, arm, chances).rates_ == RATES
    other = np.where(arm == "none", "none", np.char.add(arm.astype(str), " push"))
    assert UpliftModel().fit(X, y, other, chances).rates_ is None
    assert UpliftModel(rates=None).fit(X, y, arm, chances).rates_ is None


def test_without_rates_arms_may_be_in_any_order() -> None:
    X, y, arm, _, tau = discounts(4_000, 3)
    names = {"none": "control", "5%": "z", "10%": "m", "20%": "a"}
    model = UpliftModel("control").fit(X, y, [names[a] for a in arm])
    assert model.arms_ == ["a", "m", "z"]
    assert error(model.predict(X)["a"], tau["20%"]) < 0.6


def test_shuffled_arms_leave_almost_nothing() -> None:
    sizes = []
    for seed in range(4):
        X, y, arm, _, tau = discounts(3_000, seed)
        shuffled = np.random.default_rng(seed).permutation(arm)
        found = UpliftModel(random_state=seed, rates=RATES).fit(X, y, shuffled).predict(X)
        sizes.append(found.abs().to_numpy().mean() / tau.abs().to_numpy().mean())
    assert np.mean(sizes) < 0.12


def test_targeting_does_not_pass_for_an_effect() -> None:
    naive, adjusted = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = features(rng, 3_000)
        likely = 1 / (1 + np.exp(-1.5 * X["a"].to_numpy()))
        arm = rng.random(3_000) < 0.1 + 0.8 * likely
        y = 10 * likely + 2.0 * arm + rng.normal(0, 3, 3_000)
        model = UpliftModel().fit(X, y, np.where(arm, "mail", "none"))
        naive.append(y[arm].mean() - y[~arm].mean() - 2)
        adjusted.append(model.predict(X)["mail"].mean() - 2)
        assert model.overlap_["rounds"] > 0
    assert np.mean(naive) > 1.5
    assert abs(np.mean(adjusted)) < 0.25


def test_a_trial_beside_targeted_offers_keeps_its_known_chances() -> None:
    X, y, arm, chances, tau = discounts(3_000, 5)
    chances = np.where(np.arange(3_000) % 2, chances, np.nan)
    model = UpliftModel(rates=RATES).fit(X, y, arm, chances)
    assert model.overlap_["rounds"] == 0  # The rest of the trial looks drawn at random, too.
    np.testing.assert_allclose(model.predict(X).mean(), tau.mean(), atol=0.05)


def test_intervals_cover_the_mean_effect_of_customers_with_one_prediction() -> None:
    covered, wide = [], []
    for seed in range(6):
        X, y, arm, tau = spend(1_000, seed, effect=4.0)
        model = UpliftModel(random_state=seed).fit(X, y, arm)
        low, high = (end["mail"].to_numpy() for end in model.interval(X))
        predicted = model.predict(X)["mail"].to_numpy()
        assert (low <= predicted + 1e-9).all()
        assert (predicted <= high + 1e-9).all()
        for part in np.array_split(np.argsort(predicted, kind="stable"), 4):
            covered.append(low[part].mean() <= tau[part].mean() <= high[part].mean())
        narrow_low, narrow_high = model.interval(X, level=0.5)
        wide.append(((high - low) > (narrow_high - narrow_low)["mail"].to_numpy()).all())
    assert np.mean(covered) > 0.75  # Of a step, which no line fits; 0.95 where a line does.
    assert all(wide)


def test_same_data_and_seed_give_the_same_bytes() -> None:
    X, y, arm, chances, _ = discounts(400, 6)
    one, two = (UpliftModel(rates=RATES, random_state=3).fit(X, y, arm, chances) for _ in "ab")
    assert one.model_texts_ == two.model_texts_
    assert json.dumps(one.to_dict()) == json.dumps(two.to_dict())
    other = UpliftModel(rates=RATES, random_state=4).fit(X, y, arm, chances)
    assert other.model_texts_ != one.model_texts_


@pytest.mark.parametrize("which", ["discount_model", "mail_model"])
def test_a_stored_model_is_the_same_model(which: str, request: pytest.FixtureRequest) -> None:
    model, X, _ = request.getfixturevalue(which)
    again = UpliftModel.from_dict(json.loads(json.dumps(model.to_dict())), model.model_texts_)
    pd.testing.assert_frame_equal(again.predict(X), model.predict(X), check_exact=True)
    for one, two in zip(again.interval(X), model.interval(X), strict=True):
        pd.testing.assert_frame_equal(one, two, check_exact=True)
    pd.testing.assert_frame_equal(again.effects_, model.effects_, check_exact=True)
    np.testing.assert_array_equal(
        again.contributions(X, model.arms_[0]), model.contributions(X, model.arms_[0])
    )
    assert again.to_dict() == model.to_dict()
    assert again.model_texts_ == model.model_texts_


def test_estimator_manners() -> None:
    model = UpliftModel("hold", 7, rates={"a": 0.1}, monotone=False, num_threads=2)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(control="x").control == "x"
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        model.predict(pd.DataFrame({"a": [1.0]}))


def test_one_row_no_row_and_what_was_never_seen(discount_model: Any) -> None:
    model, X, _ = discount_model
    whole = model.predict(X)
    one = X.iloc[[5]]
    pd.testing.assert_frame_equal(model.predict(one), whole.iloc[[5]])
    assert model.contributions(one, "5%").shape == (1, X.shape[1] + 1)
    assert model.predict(X.head(0)).shape == (0, 3)
    assert model.contributions(X.head(0), "5%").shape == (0, X.shape[1] + 1)
    assert model.interval(X.head(0))[0].shape == (0, 3)
    assert model.predict_rate(X.head(0), 0.07).shape == (0,)
    strange = one.assign(channel="kiosk", a=np.nan)
    assert np.isfinite(model.predict(strange).to_numpy()).all()
    with pytest.raises(InputError, match="'7%' was asked"):
        model.contributions(X, "7%")


def test_groups_keep_a_customer_in_one_fold_and_widen_the_interval() -> None:
    X, y, arm, _ = spend(600, 8)
    thrice = np.repeat(np.arange(600), 3)
    X3, y3, arm3 = X.iloc[thrice].reset_index(drop=True), y[thrice], arm[thrice]
    apart = UpliftModel().fit(X3, y3, arm3)
    together = UpliftModel().fit(X3, y3, arm3, groups=thrice)
    assert together.effects_["error"].iloc[0] > 1.4 * apart.effects_["error"].iloc[0]


BAD: Mapping[str, tuple[dict[str, Any], str]] = {
    "no control": ({"model": {"control": "nothing"}}, "control 'nothing' is needed"),
    "one arm": ({"arm": ["none"] * 200}, "needs two arms"),
    "missing outcome": ({"y": [np.nan] + [0.0, 1.0] * 99 + [1.0]}, "1 of 200 are missing"),
    "text outcome": ({"y": ["yes"] * 200}, "must be numbers"),
    "constant outcome": ({"y": [0.0] * 200}, "must differ"),
    "too few outcomes": ({"y": [0.0, 1.0]}, "200 outcomes are needed"),
    "too few arms": ({"arm": ["none", "5%"]}, "200 arms are needed"),
    "missing arm": ({"arm": [None] + ["none", "5%"] * 99 + ["5%"]}, "1 of 200 have none"),
    "few rows": ({"arm": ["none"] * 190 + ["5%"] * 10}, "at least 30 rows, but '5%' has 10"),
    "unused level": (
        {"arm": pd.Categorical(["none", "5%"] * 100, categories=["none", "5%", "10%"])},
        "'10%' has none",
    ),
    "rate of no arm": ({"model": {"rates": {"5%": 0.05, "7%": 0.07}}}, "'7%' has none"),
    "arm of no rate": (
        {"model": {"rates": {"5%": 0.05}}, "arm": ["none", "5%", "push", "5%"] * 50},
        "'push' has none",
    ),
    "rate against name": ({"model": {"rates": {"5%": 0.2}}}, "agree with its name"),
    "rate too high": ({"model": {"rates": {"5%": 5}}}, r"lie in \(0, 1\]"),
    "rate of control": ({"model": {"rates": {"5%": 0.05, "none": 0.1}}}, "must have rate 0"),
    "one rate twice": (
        {"model": {"rates": {"x": 0.05, "z": 0.05}}, "arm": ["none", "x", "z", "none"] * 50},
        "differ in their rate",
    ),
    "unknown rates": ({"model": {"rates": "names"}}, "mapping, 'auto' or None"),
    "chance of 0": ({"chance": [0.0] + [0.5] * 199}, r"lie in \(0, 1\], but found 0"),
    "chance above 1": ({"chance": [1.5] + [0.5] * 199}, r"lie in \(0, 1\], but found 1.5"),
    "few chances": ({"chance": [0.5] * 3}, "200 assignment probabilities are needed"),
    "text chances": ({"chance": ["half"] * 200}, "must be numbers"),
    "chances too high": ({"chance": [0.9] * 200}, "do not match the arms"),
    "chances too low": ({"chance": [0.1] * 200}, "do not match the arms"),
    "chances swapped": ({"chance": [0.9, 0.1] * 100}, "do not match the arms"),
    "groups of another length": ({"groups": [1, 2, 3]}, "200 groups are needed"),
    "too few groups": ({"groups": [1, 2] * 100}, "customers are needed"),
    "no features": ({"X": pd.DataFrame(index=range(200))}, "At least one feature"),
    "constant features": ({"X": pd.DataFrame({"a": [1.0] * 200})}, "must vary"),
    "no frame": ({"X": np.zeros((200, 2))}, "DataFrame"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_in_one_message_and_nothing_is_fitted(case: str) -> None:
    given, message = BAD[case]
    rng = np.random.default_rng(0)
    full: dict[str, Any] = {
        "X": pd.DataFrame({"a": rng.normal(size=200)}),
        "y": (rng.random(200) < 0.5).astype(float),
        "arm": ["none", "5%"] * 100,
        "chance": None,
        "groups": None,
        "model": {},
    } | given
    model = UpliftModel(**full["model"])
    with pytest.raises(InputError, match=message):
        model.fit(full["X"], full["y"], full["arm"], full["chance"], full["groups"])
    assert not [name for name in vars(model) if name.endswith("_")]


def test_rates_of_32_bits_are_those_of_the_names() -> None:
    from neigung.models.offers.uplift_trial import checked_rates

    given = {"5%": float(np.float32(0.05)), "10%": float(np.float32(0.1))}
    assert checked_rates(given, ["none", "5%", "10%"], "none") == {"5%": 0.05, "10%": 0.1}
