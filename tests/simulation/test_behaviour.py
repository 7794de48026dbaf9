"""The shop behaves like one: seasons, drop-outs, fatigue, offers as described."""

import numpy as np
import pandas as pd
import pytest

from neigung.simulation import Truth

Frames = dict[str, pd.DataFrame]
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def orders(tables: Frames) -> pd.DataFrame:
    lines = tables["order_lines"]
    return lines.groupby("order_id", as_index=False).agg(
        customer_id=("customer_id", "first"),
        at=("occurred_at", "first"),
        channel=("channel", "first"),
        lines=("net_value", "size"),
        campaign_id=("campaign_id", "first"),
    )


def test_orders_are_of_the_right_size_and_number(orders: pd.DataFrame, truth: Truth) -> None:
    rates = truth.customers.orders_per_year
    assert rates.between(1, 6).mean() > 0.75
    assert orders.lines.between(1, 6).all()
    assert orders.lines.between(1, 3).mean() > 0.9
    assert truth.customers.basket.mean() == pytest.approx(63, abs=3)
    assert orders.channel.value_counts(normalize=True).min() > 0.1
    assert set(orders.channel) == {"web", "app", "store"}


def test_christmas_and_weekdays(orders: pd.DataFrame) -> None:
    months = orders["at"].dt.strftime("%Y-%m").value_counts()
    assert months["2024-11"] > 1.3 * months["2024-09"]
    before_christmas = orders["at"].between("2025-12-01", "2025-12-22").sum() / 21
    assert before_christmas > 1.2 * months["2025-08"] / 31
    days = orders["at"].dt.dayofweek.value_counts()
    assert days[6] > 1.2 * days[4]
    hours = orders["at"].dt.hour.value_counts()
    assert hours.reindex([2, 3, 4], fill_value=0).sum() < 0.1 * hours[18]


def test_who_left_orders_no_more_of_their_own_accord(
    orders: pd.DataFrame, tables: Frames, truth: Truth
) -> None:
    left = truth.customers.set_index("customer_id").left_at
    assert (left < tables["order_lines"].occurred_at.max()).mean() > 0.2
    late = orders[orders["at"] >= orders.customer_id.map(left)]
    offers = tables["offers"][["customer_id", "occurred_at"]]
    both = late.merge(offers, on="customer_id")
    after = (both["at"] - both.occurred_at) / DAY
    in_a_wave = both[(after >= 0) & (after < 14)].order_id.nunique()
    assert 0 < len(late) < 0.02 * len(orders)
    # The rest are those who are drawn but may not be offered anything.
    assert in_a_wave > 0.6 * len(late)


def test_complaints_push_customers_away(orders: pd.DataFrame, tables: Frames) -> None:
    """After a complaint fewer order again within 200 days than after another order."""
    last = orders["at"].max()
    early = orders[orders["at"] < last - 230 * DAY].sort_values("at")
    following = early.customer_id.map(orders.groupby("customer_id")["at"].max())
    again = following > early["at"] + 30 * DAY
    cases = tables["service_cases"]
    complaints = cases[cases.kind == "complaint"][["customer_id", "occurred_at"]]
    both = early.reset_index()[["index", "customer_id", "at"]].merge(complaints, on="customer_id")
    near = both[(both.occurred_at > both["at"]) & (both.occurred_at < both["at"] + 7 * DAY)]
    complained = early.index.isin(near["index"])
    assert complained.sum() > 500
    assert again[complained].mean() < 0.85 * again[~complained].mean()


def test_fatigue_lowers_attention(tables: Frames) -> None:
    contacts = tables["contacts"]
    contacts = contacts[contacts.channel == "email"].sort_values(["customer_id", "occurred_at"])
    opened = contacts.contact_id.isin(tables["responses"].query("kind == 'open'").contact_id)
    recent = contacts.groupby("customer_id").occurred_at.diff(2) < 30 * DAY
    assert opened[recent].mean() < 0.9 * opened[~recent].mean()


def test_nobody_is_contacted_who_does_not_allow_it(tables: Frames) -> None:
    consents = tables["consents"].query("purpose == 'marketing'")
    assert not consents.set_index("customer_id").granted.groupby(level=0).any().all()
    withdrawn = consents[~consents.granted].groupby("customer_id").occurred_at.min()
    first = consents.groupby("customer_id").granted.first()
    moved = withdrawn[first.reindex(withdrawn.index)]
    assert len(moved) > 500
    contacts = tables["contacts"]
    until = contacts.customer_id.map(withdrawn)
    assert not (contacts.occurred_at > until).any()
    unsubscribed = tables["responses"].query("kind == 'unsubscribe'")
    assert len(unsubscribed) > 200
    assert (unsubscribed.occurred_at == unsubscribed.customer_id.map(withdrawn)).all()


def test_offers_as_described(tables: Frames) -> None:
    offers = tables["offers"].sort_values(["customer_id", "occurred_at"])
    assert offers.groupby("campaign_id").occurred_at.nunique().eq(1).all()
    gap = offers.groupby("customer_id").occurred_at.diff()
    assert 0 < (gap < 14 * DAY).mean() < 0.01
    tests = offers[offers.campaign_id.str.startswith("discount-test")]
    staff = offers[offers.campaign_id.str.startswith("discount-staff")]
    channels = offers[offers.campaign_id.str.startswith("channel-test")]
    assert len(tests) + len(staff) + len(channels) == len(offers)
    assert 0.9 < (len(tests) + len(staff)) / 40_000 < 1.2
    assert staff.assignment_probability.isna().all()
    assert channels.discount_rate.isna().all()
    rates = {"none": 0.0, "5%": 0.05, "10%": 0.1, "15%": 0.15, "20%": 0.2}
    for part in (tests, staff):
        assert (part.discount_rate == part.arm.map(rates)).all()
        assert part.groupby("campaign_id").arm.nunique().eq(5).all()
        assert part.arm.value_counts().idxmax() == "none"
    for part in (tests, channels):
        given = part.groupby("arm").assignment_probability.agg(["min", "max"])
        assert (given["min"] == given["max"]).all()
        assert given["min"].sum() == pytest.approx(1)
        shares = part.arm.value_counts(normalize=True)
        spread = np.sqrt(given["min"] * (1 - given["min"]) / len(part))
        assert ((shares - given["min"]).abs() < 4 * spread).all()


def test_offers_are_contacts_and_their_vouchers_are_used(tables: Frames) -> None:
    offers, contacts = tables["offers"], tables["contacts"]
    both = offers.merge(contacts, on=["customer_id", "occurred_at", "campaign_id"], how="left")
    assert (both.contact_id.isna() == (both.arm == "none")).all()
    channels = both[both.arm.isin(["email", "push", "post"])]
    assert (channels.channel == channels.arm).all()
    redeemed = tables["responses"].query("kind == 'redeem'")
    used = redeemed.merge(both, on="contact_id")
    lines = tables["order_lines"].dropna(subset="campaign_id")
    orders = lines.groupby(["customer_id", "campaign_id"]).occurred_at.agg(["min", "nunique"])
    assert (orders["nunique"] == 1).all()
    assert len(used) == len(orders)
    assert (lines.discount_value > 0).mean() > 0.99


def test_visits_precede_online_orders(orders: pd.DataFrame, tables: Frames) -> None:
    visits = tables["visits"]
    assert set(visits.kind) == {"view", "search", "cart", "checkout"}
    online = orders[orders.channel != "store"]
    checkouts = visits[visits.kind == "checkout"][["customer_id", "occurred_at"]]
    both = online.merge(checkouts, on="customer_id")
    seconds = (both["at"] - both.occurred_at).dt.total_seconds()
    just_before = both[(seconds > 0) & (seconds < 120)]
    assert just_before.order_id.nunique() > 0.98 * len(online)
    with_order = visits[visits.kind == "checkout"].session_id.nunique()
    assert 0.2 < with_order / visits.session_id.nunique() < 0.7
    assert (visits.groupby("session_id").customer_id.nunique() == 1).all()


def test_late_rows_come_from_branches_and_parcels(tables: Frames) -> None:
    lines, returns = tables["order_lines"], tables["returns"]
    late = lines.known_at.notna()
    assert set(lines.channel[late]) == {"store"}
    assert 0.4 < late[lines.channel == "store"].mean() < 0.8
    assert (lines.known_at[late] > lines.occurred_at[late]).all()
    assert returns.known_at.notna().mean() == pytest.approx(0.6, abs=0.02)
