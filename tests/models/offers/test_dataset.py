"""The dataset of offers: by hand, in batches, and blind to the future."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neigung.errors import StudyError
from neigung.models.dataset import build_dataset, build_features
from neigung.models.leakage import check_offer_leakage
from neigung.models.offers import dataset as offer_dataset
from neigung.models.offers.dataset import OfferDataset, build_offer_dataset, offer_splits
from neigung.models.offers.study_offers import study_offers
from neigung.profiles.store import Profiles
from neigung.study import Study
from tests.stores import small_store

Frames = dict[str, pd.DataFrame]

DAY = pd.Timedelta(days=1)
FIRST = pd.Timestamp("2025-02-01 09:00")  # the training offers
LAST = pd.Timestamp("2025-03-01 09:00")  # the test offers

BY_HAND: dict[str, Any] = {
    "name": "by_hand",
    "profiles": "memory",
    "target": {"kind": "offer", "horizon_days": 10, "outcome": "margin"},
    "population": {"active_within_days": 60},
    "legal_basis": {"consent": "profiling"},
    "retention_days": 90,
    "cutoffs": {"last": "2025-03-01", "every_days": 10, "count": 4},
    "features": ["order_count_30d", "offer_count_30d"],
    "decision": {"margin_rate": 0.4},
}

# customer, when, net, discount
ORDERS = [
    ("anna", FIRST - DAY, 10.0, 0.0),
    ("anna", FIRST, 20.0, 5.0),  # the instant of the offer is future
    ("anna", LAST - DAY, 30.0, 0.0),
    ("anna", LAST + 9 * DAY, 40.0, 0.0),
    ("bert", FIRST - DAY, 10.0, 0.0),
    ("bert", LAST + 10 * DAY, 10.0, 0.0),  # the end of the horizon is outside
    ("carl", FIRST - 70 * DAY, 10.0, 0.0),  # not active at his first offer
    ("carl", LAST - 2 * DAY, 10.0, 0.0),
    ("dora", FIRST - DAY, 10.0, 0.0),  # withdraws between her offers
    ("emil", LAST + 20 * DAY, 10.0, 0.0),  # no order before; makes the data long enough
]
# customer, when, known after days, arm
OFFERS = [
    ("anna", FIRST, 0, "10%"),
    ("anna", LAST, 5, "none"),  # learned of late, given all the same
    ("bert", FIRST, 0, "none"),
    ("bert", LAST, 0, "10%"),
    ("carl", FIRST, 0, "none"),
    ("carl", LAST, 0, "10%"),
    ("dora", FIRST, 0, "10%"),
    ("dora", LAST, 0, "10%"),
    ("emil", LAST, 0, "none"),
]


def by_hand(offers: list[tuple[Any, ...]] | None = None) -> Profiles:
    lines = pd.DataFrame(
        ORDERS, columns=["customer_id", "occurred_at", "net_value", "discount_value"]
    )
    given = pd.DataFrame(offers or OFFERS, columns=["customer_id", "occurred_at", "days", "arm"])
    given["known_at"] = given["occurred_at"] + given.pop("days") * DAY
    given["discount_rate"] = given["arm"].map({"none": 0.0, "10%": 0.1, "20%": 0.2})
    names = ("anna", "bert", "carl", "dora", "emil")
    consents = [(name, pd.Timestamp("2024-01-01"), True) for name in names]
    consents.append(("dora", LAST - DAY, False))
    return Profiles.from_tables(
        {
            "order_lines": lines.assign(order_id=lines.index.astype(str)),
            "offers": given.assign(
                offer_id=given.index.astype(str),
                assignment_probability=1 / given["arm"].nunique(),
                campaign_id="one",
            ),
            "consents": pd.DataFrame(
                consents, columns=["customer_id", "occurred_at", "granted"]
            ).assign(purpose="profiling"),
        }
    )


def hand_study(**changes: Any) -> Study:
    return Study.from_dict({**BY_HAND, **changes})


def test_rows_features_and_outcomes_by_hand() -> None:
    dataset = build_offer_dataset(hand_study(), by_hand())
    names = ["customer_id", "cutoff", "offer_id", "arm", "purchase", "value", "gross"]
    assert list(dataset.frame[names].itertuples(index=False, name=None)) == [
        ("anna", FIRST, "0", "10%", 1.0, 20.0, 25.0),
        ("bert", FIRST, "2", "none", 0.0, 0.0, 0.0),
        ("dora", FIRST, "6", "10%", 0.0, 0.0, 0.0),
        ("anna", LAST, "1", "none", 1.0, 40.0, 40.0),
        ("bert", LAST, "3", "10%", 0.0, 0.0, 0.0),
        ("carl", LAST, "5", "10%", 0.0, 0.0, 0.0),
    ]
    assert dataset.margin.tolist() == pytest.approx([20 - 0.6 * 25, 0, 0, 40 - 0.6 * 40, 0, 0])
    assert dataset.y.tolist() == dataset.margin.tolist()
    assert dataset.X.to_dict("list") == {
        "order_count_30d": [1, 1, 1, 3, 1, 1],
        # The offer itself is no feature; of the first offers only 10% was one, 28 days ago.
        "offer_count_30d": [0, 0, 0, 1, 0, 0],
    }
    assert (dataset.control, dataset.arms, dataset.rates) == ("none", ("10%",), {"10%": 0.1})
    assert dataset.groups.tolist() == ["anna", "bert", "dora", "anna", "bert", "carl"]
    assert dataset.assignment_probability.tolist() == [0.5] * 6
    assert dataset.campaign.tolist() == ["one"] * 6
    assert any(note.startswith("3 of 9 offers left out: just before") for note in dataset.notes)
    assert "<p>6 offers, 2 features</p>" in dataset._repr_html_()


@pytest.mark.parametrize("outcome", ["purchase", "value"])
def test_other_outcomes(outcome: str) -> None:
    target = {"kind": "offer", "horizon_days": 10, "outcome": outcome}
    dataset = build_offer_dataset(hand_study(target=target, decision={}), by_hand())
    assert dataset.y.tolist() == getattr(dataset, outcome).tolist()
    assert np.isnan(dataset.margin).all()


def test_two_offers_at_one_instant_are_left_out() -> None:
    twice = [*OFFERS, ("anna", LAST, 0, "20%"), ("emil", FIRST, 0, "20%")]
    study = hand_study(target=BY_HAND["target"] | {"arms": ["10%"]})
    rows, _, notes = study_offers(study, by_hand(twice))
    assert ("anna", LAST) not in set(zip(rows["customer_id"], rows["cutoff"], strict=True))
    assert notes[0] == (
        "2 offers left out: their customer got another one at the very same instant."
    )


def test_overlapping_offers_are_kept_and_counted() -> None:
    again = [*OFFERS, ("bert", LAST + DAY, 0, "none"), ("carl", LAST + 10 * DAY, 0, "none")]
    study = hand_study(cutoffs={"last": "2025-03-01", "every_days": 11, "count": 4})
    dataset = build_offer_dataset(study, by_hand(again))
    assert len(dataset) == 8
    assert dataset.notes[-1].startswith("1 of 8 offers were followed by another one")


@pytest.mark.parametrize(
    ("basis", "customers"),
    [
        ({"legitimate_interest": "profiling"}, ["anna", "bert", "carl"]),
        ({"none_needed": "why"}, ["anna", "bert", "carl", "dora"]),
    ],
)
def test_the_legal_basis_at_each_offer(basis: dict[str, str], customers: list[str]) -> None:
    rows, _, _ = study_offers(hand_study(legal_basis=basis), by_hand())
    assert rows.loc[rows["cutoff"] == LAST, "customer_id"].tolist() == customers
    assert rows.loc[rows["cutoff"] == FIRST, "customer_id"].tolist() == ["anna", "bert", "dora"]


def test_chances_among_the_arms_of_the_study() -> None:
    """With 20% left out, a chance of a third is one of two halves."""
    some = [*OFFERS, ("emil", FIRST, 0, "20%")]
    profiles = by_hand(some)
    offers = profiles.tables["offers"]
    study = hand_study(target=BY_HAND["target"] | {"arms": ["10%"]})
    rows, _, _ = study_offers(study, profiles)
    assert rows["assignment_probability"].tolist() == pytest.approx([0.5] * 6)
    anna = offers.customer_id == "anna"
    profiles.tables["offers"] = offers.mutate(assignment_probability=anna.ifelse(0.3, 0.4))
    rows, _, notes = study_offers(study, profiles)
    assert rows["assignment_probability"].isna().all()
    assert any("6 assignment probabilities count as unknown" in note for note in notes)


def test_campaigns_without_a_control_are_noted() -> None:
    profiles = by_hand()
    offers = profiles.tables["offers"]
    profiles.tables["offers"] = offers.mutate(
        assignment_probability=None, campaign_id=(offers.arm == "none").ifelse("a", "b")
    )
    _, _, notes = study_offers(hand_study(), profiles)
    assert "1 campaign without a row of the control (b)" in notes[-1]


def test_the_newest_span_that_is_over() -> None:
    study = hand_study(cutoffs={"last": "latest", "every_days": 10, "count": 4})
    splits = offer_splits(build_offer_dataset(study, by_hand()), study)
    assert splits.to_dict() == {
        "train_until": "2025-02-10T00:00:00",
        "test_start": "2025-02-20T00:00:00",
        "test_end": "2025-03-02T00:00:00",
        "horizon_days": 10,
    }


def test_outcomes_between_training_and_test_serve_neither() -> None:
    close = [*OFFERS, ("bert", pd.Timestamp("2025-02-19 00:00"), 0, "none")]
    close.append(("bert", pd.Timestamp("2025-02-19 00:01"), 0, "none"))
    dataset = build_offer_dataset(hand_study(), by_hand(close))
    splits = offer_splits(dataset, hand_study())
    assert (len(dataset), len(splits.train(dataset)), len(splits.test(dataset))) == (8, 4, 3)


@pytest.mark.parametrize(
    ("offers", "changes", "told"),
    [
        (
            None,
            {"cutoffs": {"last": "2025-02-01", "every_days": 10, "count": 4}},
            r"training needs offers of every arm, but among those up to 2025-01-22.* \(found none",
        ),
        (
            None,
            {"cutoffs": {"last": "2025-03-05", "every_days": 10, "count": 4}},
            r"test needs offers of every arm, but among those from 2025-03-05 to 2025-03-15 there "
            r"is none of none, 10% .*are 10% from 2025-03-01 to 2025-03-01; none from",
        ),
        (
            [row for row in OFFERS if row[:3] != ("anna", LAST, 5)],
            {},
            r"test needs offers of every arm, .* there is none of none \(found 10%: 2\)",
        ),
        (
            None,
            {"cutoffs": {"last": "2024-03-01", "every_days": 10, "count": 4}},
            r"cutoffs span 2024-01-31 to 2024-03-11, but the offers are of 2025-02-01 to 2025-03-0",
        ),
        (
            [*OFFERS, ("bert", LAST + 20 * DAY, 0, "none")],
            {"cutoffs": {"last": "2025-03-15", "every_days": 10, "count": 4}},
            r"has offers until 2025-03-21, which with a horizon of 10 days need data until "
            r"2025-03-31, but the last order is of 2025-03-21 .* Move cutoffs.last to 2025-03-01",
        ),
        (
            None,
            {
                "target": BY_HAND["target"] | {"horizon_days": 60},
                "cutoffs": {"last": "latest", "every_days": 10, "count": 4},
            },
            r"offers are needed whose horizon of 60 days is over, .* first of 9 offers is of 2025-",
        ),
        (
            [row for row in OFFERS for _ in range(2)],
            {},
            r"no offer is left; 18 offers left out",
        ),
    ],
)
def test_offers_that_do_not_fit_the_cutoffs(
    offers: list[tuple[Any, ...]] | None, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(StudyError, match=told):
        build_offer_dataset(hand_study(**changes), by_hand(offers))


def test_offers_are_no_ordinary_dataset() -> None:
    with pytest.raises(StudyError, match="Build its dataset with build_offer_dataset"):
        build_dataset(hand_study(), by_hand())


# On a small store with every table of the contract.

STUDY: dict[str, Any] = {
    "name": "offers",
    "profiles": "memory",
    "target": {"kind": "offer", "horizon_days": 14, "outcome": "value"},
    "legal_basis": {"consent": "profiling"},
    "cutoffs": {"last": "latest", "every_days": 60, "count": 8},
}


@pytest.fixture(scope="module")
def tables() -> Frames:
    return small_store(25)


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.from_dict(STUDY)


@pytest.fixture(scope="module")
def profiles(tables: Frames) -> Profiles:
    return Profiles.from_tables(tables)


@pytest.fixture(scope="module")
def dataset(study: Study, profiles: Profiles) -> OfferDataset:
    return build_offer_dataset(study, profiles)


def test_batches_change_nothing(
    study: Study, profiles: Profiles, dataset: OfferDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[int, int]] = []

    def thirds(cutoffs: Any, *_: Any) -> list[tuple[int, int]]:
        edges = [0, 1, len(cutoffs) // 2, len(cutoffs)]
        return [(a, b - a) for a, b in pairwise(edges)]

    monkeypatch.setattr(offer_dataset, "_batches", thirds)
    again = build_offer_dataset(study, profiles, on_step=lambda *step: steps.append(step))
    pd.testing.assert_frame_equal(again.frame, dataset.frame)
    assert steps == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("own_rows_only", [True, False])
def test_batches_cover_every_row_once(
    own_rows_only: bool, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = profiles.table("order_lines").count().to_pyarrow().as_py()
    monkeypatch.setattr(offer_dataset, "LINES_AT_ONCE", 2 * lines)
    cutoffs = pd.Series(pd.Timestamp("2025-01-01") + DAY * np.repeat([0, 1, 2, 3, 4], 700))
    batches = offer_dataset._batches(cutoffs, profiles, own_rows_only)
    covered = np.concatenate([np.arange(start, start + size) for start, size in batches])
    assert covered.tolist() == list(range(3500))
    if not own_rows_only:  # two instants at a time, and no more than a thousand rows
        assert [size for _, size in batches] == [1000, 400, 1000, 400, 700]


def test_everybodys_rows_are_read_only_at_few_instants(
    study: Study, tables: Frames, dataset: OfferDataset
) -> None:
    hop = {"product_return_share_90d", "campaign_open_rate_365d"}
    assert not hop & set(dataset.frame)
    assert any("they read everybody's rows at each instant" in note for note in dataset.notes)
    # The same offers, each moved to one of a few instants.
    offers = tables["offers"].copy()
    offers["occurred_at"] = offers["occurred_at"].dt.floor("60D") + pd.Timedelta(hours=9)
    offers["known_at"] = offers["occurred_at"]
    few = Profiles.from_tables(tables | {"offers": offers})
    found = build_offer_dataset(study, few)
    assert hop <= set(found.X)
    # They are what a prediction for everybody at that instant would read.
    cutoff = found.cutoffs[-1]
    everybody = build_features(study, few, cutoff).frame.set_index("customer_id")
    newest = found.at(cutoff).frame.set_index("customer_id")
    common = [column.name for column in found.columns]
    expected = everybody.loc[newest.index, common]
    categories = expected.select_dtypes("category").columns
    pd.testing.assert_frame_equal(
        newest[common].astype(dict.fromkeys(categories, object)),
        expected.astype(dict.fromkeys(categories, object)),
    )


def test_a_study_of_nothing_but_everybodys_rows(study: Study, profiles: Profiles) -> None:
    only = study.model_copy(update={"features": ("product_age",)})
    with pytest.raises(StudyError, match=r"no feature is left; 1 feature left out: they read"):
        build_offer_dataset(only, profiles)


def test_an_offer_study_can_score_everybody(study: Study, profiles: Profiles) -> None:
    dataset = build_features(study, profiles, dt.datetime(2025, 4, 1), names=["offer_count_365d"])
    assert dataset.X["offer_count_365d"].max() > 1


@pytest.mark.parametrize("seed", range(2))
def test_nothing_at_or_after_an_offer_changes_its_features(
    seed: int, study: Study, tables: Frames, dataset: OfferDataset
) -> None:
    """All rows that a customer has from their last offer on are rewritten, moved or doubled."""
    rng = np.random.default_rng(seed)
    last = tables["offers"].groupby("customer_id")["occurred_at"].max()
    changed = {}
    for name, table in tables.items():
        if name in ("labels", "offers"):
            continue
        hidden = _hidden(table, last)
        shuffled = table.copy()
        rows = np.flatnonzero(hidden)
        for column in table.columns.difference(
            ["customer_id", "occurred_at", "known_at", "resolved_at"]
        ):
            drawn = rng.integers(0, len(table), len(rows))
            shuffled.iloc[rows, table.columns.get_loc(column)] = table[column].to_numpy()[drawn]
        if name != "order_lines":
            shuffled = shuffled.drop(shuffled.index[rows[::3]])
        changed[name] = shuffled
    changed["offers"] = tables["offers"]
    again = build_offer_dataset(study, Profiles.from_tables(changed))
    newest = dataset.frame["customer_id"].map(last) == dataset.frame["cutoff"]
    assert newest.sum() > 10
    names = ["customer_id", "cutoff", "arm", *dataset.X.columns]
    pd.testing.assert_frame_equal(again.frame[names][newest], dataset.frame[names][newest])
    assert not again.frame["value"].equals(dataset.frame["value"])


def test_nothing_before_an_offer_changes_its_outcome(
    study: Study, tables: Frames, dataset: OfferDataset
) -> None:
    """All that a customer bought before their last offer is bought otherwise."""
    last = tables["offers"].groupby("customer_id")["occurred_at"].max()
    lines = tables["order_lines"].copy()
    before = lines["occurred_at"] < lines["customer_id"].map(last)
    lines.loc[before, "net_value"] += 1.0
    lines.loc[before, "discount_value"] = 9.0
    again = build_offer_dataset(study, Profiles.from_tables(tables | {"order_lines": lines}))
    newest = dataset.frame["customer_id"].map(last) == dataset.frame["cutoff"]
    names = ["customer_id", "cutoff", "label", "purchase", "value", "gross"]
    pd.testing.assert_frame_equal(again.frame[names][newest], dataset.frame[names][newest])
    assert not again.frame["value"].equals(dataset.frame["value"])
    assert not again.X.equals(dataset.X)


def _hidden(table: pd.DataFrame, last: pd.Series) -> pd.Series:
    at = table["customer_id"].map(last)
    return (table["occurred_at"] >= at) | (table["known_at"] >= at)


@pytest.mark.parametrize(
    ("cost", "gross", "margin"),
    [
        (None, 20 / 0.9, 20 - 0.6 * 20 / 0.9),  # the arm's own 10 %
        ({"rate": 0.5}, 40, -4),
        ({"amount": 5}, 25, 5),
        (0, 20, 8),
    ],
)
def test_prices_before_discounts_that_order_lines_do_not_show(
    cost: Any, gross: float, margin: float
) -> None:
    profiles = by_hand()
    lines = profiles.tables["order_lines"].drop("discount_value")
    unshown = Profiles("memory", profiles.engine, {**profiles.tables, "order_lines": lines})
    decision = {"margin_rate": 0.4, "cost": {} if cost is None else {"10%": cost}}
    study = hand_study(decision=decision)
    dataset = build_offer_dataset(study, unshown)
    [row] = (
        dataset.between(FIRST, FIRST + DAY).frame.query("customer_id == 'anna'").to_dict("records")
    )
    assert (row["value"], row["gross"]) == (20, pytest.approx(gross))
    assert row["margin"] == row["label"] == pytest.approx(margin)
    [other] = dataset.frame.query("customer_id == 'anna' and arm == 'none'").to_dict("records")
    assert other["gross"] == other["value"] == 40
    check_offer_leakage(dataset, offer_splits(dataset, study), study, unshown)
