"""Offers: which ones, which arms, and what came of them, counted by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from neigung.errors import StudyError
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Future
from neigung.study import OfferTarget, Study
from neigung.targets.offer import Arms, find_arms, offers_of, outcomes
from neigung.targets.target import check_tables, in_words

AT = dt.datetime(2025, 6, 1, 9)

# customer, when, net, discount
LINES = [
    ("anna", "2025-06-01 09:00", 10.10, 1.00),  # the instant of the offer is future
    ("anna", "2025-06-05 12:00", 20.20, None),
    ("anna", "2025-06-01 08:59", 500.0, 0.0),
    ("bert", "2025-06-15 09:00", 70.0, 0.0),  # the end of the horizon is outside
    ("bert", "2025-05-15 09:00", 70.0, 0.0),
    ("cora", "2025-06-15 08:59", -5.0, 5.0),  # goods sent back: no order
    ("dora", "2025-05-01 08:59", 5.0, 5.0),
]

OFFERS = [
    ("anna", "10%", 0.1, 0.5, "spring-a"),
    ("bert", "none", 0.0, 0.5, "spring-a"),
    ("cora", "10%", 0.1, 0.25, "spring-b"),
    ("dora", "none", None, 0.75, "spring-b"),
    ("anna", "push", None, None, "channel"),
    ("bert", "none", None, None, "channel"),
    ("cora", "5%", None, None, None),
]


def offers_frame() -> pd.DataFrame:
    columns = ["customer_id", "arm", "discount_rate", "assignment_probability", "campaign_id"]
    frame = pd.DataFrame(OFFERS, columns=columns)
    return frame.assign(
        offer_id=[f"o{number}" for number in range(len(frame))], occurred_at=pd.Timestamp(AT)
    )


def store(offers: pd.DataFrame | None) -> Profiles:
    lines = pd.DataFrame(LINES, columns=["customer_id", "occurred_at", "net_value", "discount"])
    lines["order_id"] = lines.index.astype(str)
    lines["occurred_at"] = pd.to_datetime(lines["occurred_at"])
    tables = {"order_lines": lines.rename(columns={"discount": "discount_value"})}
    return Profiles.from_tables(tables if offers is None else tables | {"offers": offers})


def study(cost: Any = None, **target: Any) -> Study:
    return Study.from_dict(
        {
            "name": "offers",
            "profiles": "p",
            "target": {"kind": "offer", "horizon_days": 14, **target},
            "legal_basis": {"none_needed": "test"},
            "decision": {"cost": {} if cost is None else cost},
        }
    )


def arms_of(frame: pd.DataFrame, cost: Any = None, **target: Any) -> Arms:
    """The arms; a push is said to cost nothing where it is among them."""
    asked = study(**target)
    offers = offers_of(asked, store(frame).tables)
    there = set(offers.arm.to_pyarrow().to_pylist()) & set(asked.target.arms or ["push"])  # type: ignore[union-attr]
    asked = study({"push": 0} if cost is None and "push" in there else cost, **target)
    return find_arms(asked, offers)


def changed(arm: str, /, **values: Any) -> pd.DataFrame:
    """The offers with other values in the rows of one arm."""
    frame = offers_frame()
    for name, value in values.items():
        frame.loc[frame["arm"] == arm, name] = value
    return frame


@pytest.mark.parametrize("lacking", [(), ("discount_value",)])
def test_outcomes_by_hand(lacking: tuple[str, ...]) -> None:
    profiles = store(None)
    tables = {"order_lines": profiles.tables["order_lines"].drop(*lacking)}
    frame = pd.DataFrame({"customer_id": ["anna", "bert", "cora", "dora"], "cutoff": AT})
    spine = ibis.memtable(frame, schema={"customer_id": "string", "cutoff": "timestamp(6)"})
    found = outcomes(Future(tables, spine, 14)).execute().sort_values("customer_id")
    assert found["purchase"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert found["value"].tolist() == [30.3, 0.0, 0.0, 0.0]  # exact: 10.1 + 20.2
    gross = found["value"].tolist() if lacking else [31.3, 0.0, 0.0, 0.0]
    assert found["gross"].tolist() == gross
    assert set(found.dtypes.astype(str)[2:]) == {"float64"}


def test_arms_go_by_rate_and_name() -> None:
    arms = arms_of(offers_frame())
    assert arms.treatments == ("push", "5%", "10%")
    assert arms.rates == {"push": 0.0, "5%": 0.05, "10%": 0.1}
    assert arms.left_out == ()


def test_arms_without_discounts_have_no_rates() -> None:
    arms = arms_of(offers_frame(), campaigns="channel")
    assert (arms.treatments, arms.rates) == (("push",), None)


@pytest.mark.parametrize(
    ("cost", "told"),
    [
        (
            {},
            r"for push the offers have no discount_rate .* decision: \{cost: \{push: \{rate: 0.5\}",
        ),
        (
            {"push": 0, "post": 0},
            r"decision.cost names 'post', which is none of the arms .*: 10%, 5%",
        ),
    ],
)
def test_what_an_arm_costs_must_be_known(cost: Any, told: str) -> None:
    with pytest.raises(StudyError, match=told):
        arms_of(offers_frame(), cost)


@pytest.mark.parametrize("cost", [0, 0.0, {"rate": 0.5}, {"amount": 5}, {"rate": 0.1, "amount": 1}])
def test_a_cost_is_a_rate_an_amount_or_nothing_on_purpose(cost: Any) -> None:
    assert arms_of(offers_frame(), {"push": cost}).treatments == ("push", "5%", "10%")


@pytest.mark.parametrize("cost", [5, True, None, "free", {"rate": 1.5}, {"amount": -1}, {"per": 1}])
def test_a_cost_that_is_neither_is_refused(cost: Any) -> None:
    with pytest.raises(StudyError, match=r"decision\.cost\.push"):
        study({"push": cost})


def test_a_rate_of_32_bits_is_the_rate_of_the_name() -> None:
    frame = offers_frame()
    frame["discount_rate"] = frame["discount_rate"].astype("float32")
    assert arms_of(frame).rates == {"push": 0.0, "5%": 0.05, "10%": 0.1}
    frame["arm"] = frame["arm"].replace("10%", "voucher")
    assert arms_of(frame).rates == {"push": 0.0, "5%": 0.05, "voucher": 0.1}


def test_arms_may_be_chosen() -> None:
    frame = changed("5%", campaign_id="spring-b", assignment_probability=0.125)
    frame.loc[frame["campaign_id"] == "spring-b", "assignment_probability"] = [0.25, 0.625, 0.125]
    arms = arms_of(frame, arms="10%")
    assert (arms.treatments, arms.left_out) == (("10%",), ("5%", "push"))
    assert arms.kept_share == {"spring-a": 1.0, "spring-b": 0.875, "channel": None}


@pytest.mark.parametrize(
    ("patterns", "offers"),
    [
        ("spring-*", 4),
        ("*-a", 2),
        (["channel", "spring-a"], 4),
        ("*", 6),  # the offer without a campaign is of none
    ],
)
def test_campaigns_by_pattern(patterns: Any, offers: int) -> None:
    profiles = store(offers_frame())
    found = offers_of(study(campaigns=patterns), profiles.tables)
    assert found.count().to_pyarrow().as_py() == offers


@pytest.mark.parametrize("pattern", ["spring", "spring-?", "spring-[ab]", "Spring-a", "spring-."])
def test_only_the_star_is_special(pattern: str) -> None:
    told = r"target\.campaigns names '.*', but .* are of channel, spring-a, spring-b\. Mend"
    with pytest.raises(StudyError, match=told):
        arms_of(offers_frame(), campaigns=["spring-a", pattern])


def test_a_store_without_offers() -> None:
    profiles = store(None)
    with pytest.raises(StudyError, match=r"needs the table offers .*; found order_lines\. Add"):
        check_tables(study(), profiles.tables)
    with pytest.raises(StudyError, match="have no campaign_id"):
        arms_of(offers_frame().drop(columns="campaign_id"), campaigns="spring")


@pytest.mark.parametrize(
    ("frame", "target", "told"),
    [
        (offers_frame(), {"control": "control"}, "control arm 'control' has no row.* 10%, 5%, n"),
        (changed("none", arm="no"), {}, "control arm 'none' has no row"),
        (offers_frame().assign(arm="none"), {}, "one arm only, 'none', so there is nothing"),
        (offers_frame(), {"arms": ["10%", "15%"]}, "target.arms names '15%', which has no row"),
        (
            changed("10%", discount_rate=[0.1, 0.2]),
            {},
            r"arm '10%' differ in discount_rate \(0.1, 0.2\), but an arm is one treatment",
        ),
        (
            changed("10%", discount_rate=0.2),
            {},
            r"arm '10%' has the discount_rate 0.2, which contradicts its name \(0.1\)",
        ),
        (changed("none", discount_rate=0.1), {}, "control 'none' has the discount rate 0.1"),
        (offers_frame(), {"control": "10%"}, "control '10%' has the discount rate 0.1"),
        (
            changed("none", assignment_probability=0.9),
            {},
            r"campaign 'spring-a' do not match their arms: 10% 0.5, none 0.9 sum to 1.4",
        ),
        (
            offers_frame().assign(campaign_id=None, assignment_probability=0.3),
            {},
            r"without a campaign_id do not match their arms: .* sum to 1.2 instead of 1",
        ),
    ],
)
def test_offers_that_do_not_fit(frame: pd.DataFrame, target: Any, told: str) -> None:
    with pytest.raises(StudyError, match=told) as caught:
        arms_of(frame, **target)
    assert str(caught.value).startswith("Study offers: ")


@pytest.mark.parametrize("chance", [0.0, -0.1, 1.5, np.inf])
def test_chances_outside_of_their_range(chance: float) -> None:
    from neigung.errors import ProfileError

    with pytest.raises(ProfileError, match="offers: assignment_probability"):
        store(changed("10%", assignment_probability=chance))


def many(given: dict[str, int], chance: float) -> pd.DataFrame:
    arms = [arm for arm, count in given.items() for _ in range(count)]
    return pd.DataFrame({"arm": arms, "assignment_probability": chance}).assign(
        customer_id=[f"c{number}" for number in range(len(arms))],
        offer_id="o",
        occurred_at=pd.Timestamp(AT),
        campaign_id="one",
    )


def test_chances_that_the_draws_contradict() -> None:
    told = "campaign 'one' do not match their arms: '10%' was given in 300 of 400 offers, but its "
    with pytest.raises(StudyError, match=told + r"chance is 0\.5"):
        arms_of(many({"10%": 300, "none": 100}, 0.5))


@pytest.mark.parametrize("given", [{"10%": 9, "none": 1}, {"10%": 52_000, "none": 48_000}])
def test_chances_that_luck_or_rounding_explain(given: dict[str, int]) -> None:
    assert arms_of(many(given, 0.5)).kept_share == {"one": 1.0}


def test_a_small_campaign_may_lack_an_arm_by_luck() -> None:
    small = many({"10%": 3, "none": 3}, 0.3)
    assert arms_of(small).kept_share == {"one": None}
    large = many({"10%": 50, "none": 50}, 0.3)
    with pytest.raises(StudyError, match=r"10% 0\.3, none 0\.3 sum to 0\.6 instead of 1"):
        arms_of(large)


def test_chances_that_differ_between_customers_are_not_summed() -> None:
    frame = offers_frame().assign(campaign_id="one", assignment_probability=0.9)
    frame.loc[0, "assignment_probability"] = 0.3
    assert arms_of(frame).kept_share == {"one": None}


@pytest.mark.parametrize(
    ("target", "english", "german"),
    [
        (
            {"outcome": "purchase", "arms": ["5%", "10%"]},
            "What an offer changes in the chance that the customer orders within the next 14 days "
            "(arms 5%, 10% against none).",
            "Was ein Angebot an der Wahrscheinlichkeit, dass der Kunde in den nächsten 14 Tagen "
            "bestellt, ändert (Varianten 5%, 10% gegen none).",
        ),
        (
            {"outcome": "value", "control": "kein"},
            "What an offer changes in what the customer spends within the next 14 days (all arms "
            "against kein).",
            "Was ein Angebot an den Ausgaben des Kunden in den nächsten 14 Tagen ändert (alle "
            "Varianten gegen kein).",
        ),
        (
            {"outcome": "margin", "campaigns": "test-*"},
            "What an offer changes in the margin that the customer brings within the next 14 days "
            "(all arms against none; campaigns: test-*).",
            "Was ein Angebot an der Marge, die der Kunde in den nächsten 14 Tagen bringt, ändert "
            "(alle Varianten gegen none; Kampagnen: test-*).",
        ),
    ],
)
def test_in_words(target: dict[str, Any], english: str, german: str) -> None:
    said = OfferTarget.model_validate({"kind": "offer", "horizon_days": 14, **target})
    assert in_words(said) == english
    assert in_words(said, "de") == german
