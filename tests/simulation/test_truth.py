"""The market is as hard as promised, and what happens follows from the truth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMRegressor

from neigung.errors import InputError
from neigung.simulation import Truth, read_truth, simulate

DISCOUNTS = ("5%", "10%", "15%", "20%")
CHANNELS = ("email", "push", "post")


def of(frame: pd.DataFrame, campaign: str) -> pd.DataFrame:
    return frame[frame.campaign_id.str.startswith(campaign)]


@pytest.fixture(scope="module")
def discounts(truth: Truth) -> pd.DataFrame:
    offers = of(truth.offers, "discount")
    return offers.assign(gain=offers["p_10%"] - offers.p_none)


def test_few_order_and_discounts_move_them_little(discounts: pd.DataFrame) -> None:
    assert discounts.p_none.mean() == pytest.approx(0.06, abs=0.003)
    assert discounts.gain.mean() == pytest.approx(0.015, abs=0.0015)
    gains = [(discounts[f"p_{arm}"] - discounts.p_none).mean() for arm in DISCOUNTS]
    assert gains == sorted(gains)
    assert gains[3] < 2 * gains[1]


def test_a_third_cannot_be_moved_and_one_in_twenty_is_put_off(discounts: pd.DataFrame) -> None:
    assert (discounts.gain == 0).mean() == pytest.approx(1 / 3, abs=0.015)
    assert (discounts.gain < 0).mean() == pytest.approx(0.05, abs=0.005)
    assert set(discounts.segment) == {"sure thing", "persuadable", "lost cause", "put off"}
    persuadable = discounts.gain[discounts.segment == "persuadable"]
    assert persuadable.min() >= 0
    assert (persuadable > 0).mean() > 0.99
    assert (discounts.gain[discounts.segment == "put off"] < 0).all()
    still = discounts[discounts.segment.isin(["sure thing", "lost cause"])]
    assert (still.gain == 0).all()
    assert still.p_none[still.segment == "sure thing"].min() > 0.059


def test_half_of_the_spread_leaves_no_trace(discounts: pd.DataFrame, truth: Truth) -> None:
    """What shows in behaviour explains half of the variance of the response, no more."""
    shown = truth.customers.set_index("customer_id")[["thrift", "depth", "orders_per_year"]]
    X = discounts[["customer_id", "p_none"]].join(shown, on="customer_id")
    X = X.drop(columns="customer_id").to_numpy()
    half = np.random.default_rng(0).random(len(X)) < 0.5
    left = 0.0
    for train in (half, ~half):
        model = LGBMRegressor(
            n_estimators=80, learning_rate=0.08, num_leaves=15, n_jobs=1, verbose=-1
        )
        model.fit(X[train], discounts.gain[train])
        left += ((discounts.gain[~train] - model.predict(X[~train])) ** 2).sum()
    explained = 1 - left / (len(X) * discounts.gain.var())
    assert 0.38 < explained < 0.55
    known = 1 - ((discounts.gain - discounts.traceable) ** 2).mean() / discounts.gain.var()
    assert known == pytest.approx(0.5, abs=0.06)


def test_the_rest_shows_nowhere(tables: dict[str, pd.DataFrame], truth: Truth) -> None:
    """Neither strength nor the hidden part of the threshold goes along with what customers do."""
    who = truth.customers.set_index("customer_id")
    lines, visits = tables["order_lines"], tables["visits"]
    lines = lines[lines.campaign_id.isna()]
    lines = lines.assign(discounted=lines.discount_value > 0)
    seen = pd.DataFrame(
        {
            "discounted": lines.groupby("customer_id").discounted.mean(),
            "lines": lines.groupby("customer_id").size(),
            "visits": visits.groupby("customer_id").size(),
            "carts": (visits.kind == "cart").groupby(visits.customer_id).mean(),
        }
    ).reindex(who.index)
    hidden = np.log(who.threshold) - np.log(who.threshold).mean()
    hidden = hidden - who.depth * np.cov(hidden, who.depth)[0, 1] / who.depth.var()
    limit = 4 / np.sqrt(len(who))
    for name in seen:
        assert abs(seen[name].corr(np.log(who.strength))) < limit
        assert abs(seen[name].corr(hidden)) < limit
    # What shows, shows.
    assert seen.discounted.corr(who.thrift) > 0.3
    assert seen.carts.corr(who.thrift) > 0.15


@pytest.mark.parametrize("campaign", ["discount-test", "discount-staff", "channel-test"])
def test_what_happens_follows_the_truth(outcomes: pd.DataFrame, campaign: str) -> None:
    offers = of(outcomes, campaign)
    for arm, given in offers.groupby("arm"):
        chance = given[f"p_{arm}"]
        spread = np.sqrt((chance * (1 - chance)).mean() / len(given))
        assert abs(given.bought.mean() - chance.mean()) < 4 * spread
        gross = given.gross - chance * given.basket
        assert abs(gross.mean()) < 4 * gross.std() / np.sqrt(len(given))
    assert (offers.orders <= 1).all()


def test_net_value_is_the_basket_less_the_discount(outcomes: pd.DataFrame) -> None:
    bought = outcomes[outcomes.bought == 1]
    for arm, given in bought.groupby("arm"):
        rate = float(arm[:-1]) / 100 if arm.endswith("%") else 0.0
        np.testing.assert_allclose(given.net, given.gross * (1 - rate), atol=0.03)


def test_luck_casts_no_shadow_before_the_offer(
    outcomes: pd.DataFrame, tables: dict[str, pd.DataFrame]
) -> None:
    """Who ordered by luck, above the own probability, did not visit more before the offer; who was
    likelier to order did."""
    visits = tables["visits"][["customer_id", "occurred_at"]]
    both = outcomes[["offer_id", "customer_id", "cutoff"]].merge(visits, on="customer_id")
    days = (both.cutoff - both.occurred_at) / pd.Timedelta(days=1)
    pages = both[(days > 0) & (days < 14)].groupby("offer_id").size()
    pages = pages.reindex(outcomes.offer_id, fill_value=0).to_numpy()
    chance = np.empty(len(outcomes))
    for arm in (*DISCOUNTS, *CHANNELS, "none"):
        given = (outcomes.arm == arm).to_numpy()
        chance[given] = outcomes.loc[given, f"p_{arm}"]
    luck = outcomes.bought.to_numpy() - chance
    assert abs(np.corrcoef(luck, pages)[0, 1]) < 4 / np.sqrt(len(luck))
    assert np.corrcoef(outcomes.p_none, pages)[0, 1] > 0.2


def test_staff_chose_those_likely_to_buy(outcomes: pd.DataFrame) -> None:
    """The naive difference is far above the truth; weighting by the true chances mends it."""
    staff = of(outcomes, "discount-staff")
    truth = (staff["p_20%"] - staff.p_none).mean()
    given = {arm: staff[staff.arm == arm] for arm in ("none", "20%")}
    naive = given["20%"].bought.mean() - given["none"].bought.mean()
    assert naive > 2 * truth

    def weighted(arm: str) -> float:
        return float(np.average(given[arm].bought, weights=1 / given[arm].assignment_probability))

    assert weighted("20%") - weighted("none") == pytest.approx(truth, abs=0.015)
    assert staff.assignment_probability.min() >= 0.02
    random = of(outcomes, "discount-test")
    assert (random.assignment_probability == random.arm.map(
        {"none": 0.36, "5%": 0.16, "10%": 0.2, "15%": 0.14, "20%": 0.14}
    )).all()  # fmt: skip


def test_channels_reach_different_customers(truth: Truth, tables: dict[str, pd.DataFrame]) -> None:
    offers = of(truth.offers, "channel")
    gains = {arm: offers[f"p_{arm}"] - offers.p_none for arm in CHANNELS}
    assert all(gain.mean() > 0.004 for gain in gains.values())
    app = tables["customers"].groupby("customer_id").uses_app.first()
    without = ~offers.customer_id.map(app)
    assert (gains["push"][without & (offers.segment != "put off")] == 0).all()
    best = np.argmax(np.stack(list(gains.values())), axis=0)
    moved = np.max(np.stack(list(gains.values())), axis=0) > 0
    assert min(np.bincount(best[moved], minlength=3)) > 0.1 * moved.sum()


def test_without_effect_every_arm_is_as_good_as_none(tmp_path: Path) -> None:
    simulate(tmp_path / "with", 3_000, 5)
    simulate(tmp_path / "without", 3_000, 5, effect=False)
    real, null = read_truth(tmp_path / "with"), read_truth(tmp_path / "without")
    for arm in (*DISCOUNTS, *CHANNELS):
        there = null.offers[f"p_{arm}"].notna()
        assert there.any()
        assert (null.offers[f"p_{arm}"] == null.offers.p_none)[there].all()
    assert set(null.offers.segment) == {"sure thing", "lost cause"}
    assert (null.offers.traceable == 0).all()
    # Everything else stays: the same customers, and as good as the same offers.
    pd.testing.assert_frame_equal(
        real.customers.drop(columns="left_at"), null.customers.drop(columns="left_at")
    )
    both = real.offers.merge(null.offers, on="offer_id")
    assert len(both) > 0.99 * max(len(real.offers), len(null.offers))
    assert (both.arm_x == both.arm_y).mean() > 0.98
    first = both[both.campaign_id_x == "discount-test-01"]
    assert (first.p_none_x == first.p_none_y).all()


def test_no_truth_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds none"):
        read_truth(tmp_path)
