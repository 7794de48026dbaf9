"""Small profile stores for tests: every table of the contract, seeded, with the untidy parts of
real data (late bookings, ties, gaps in optional columns, several versions of a customer)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

START = pd.Timestamp("2024-01-01")
CATEGORIES = ("bread", "milk", "tea", "coffee", "soap", "Gemüse", "cheese", "wine")
CHANNELS = ("web", "app", "store")
CAMPAIGNS = ("spring", "summer", "autumn")

Rows = list[dict[str, Any]]


def small_store(customers: int = 60, days: int = 500, seed: int = 1) -> dict[str, pd.DataFrame]:
    """Every table of the contract, as frames for `Profiles.from_tables`.

    The first customer has a single order, the second orders twice in the same instant, the third
    has no customer row. About one row in twelve became known days after it happened.
    """
    rng = np.random.default_rng(seed)
    tables: dict[str, Rows] = {
        name: []
        for name in (
            "customers", "order_lines", "returns", "visits", "contacts", "responses", "offers",
            "service_cases", "loyalty", "consents", "labels",
        )
    }  # fmt: skip
    prices = rng.integers(2, 60, 40) + 0.49
    for number in range(customers):
        _customer(tables, rng, f"k{number:03d}", number, days, prices)
    return {name: _frame(rows, rng) for name, rows in tables.items()}


def with_odd_orders(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The store with orders, of all customers but the first, that a count of lines would take for
    what they are not: refunded later, of nothing, paid by a voucher, a refund alone, of two
    deliveries."""
    lines = tables["order_lines"]
    columns = ("order_id", "days", "net_value")
    each = pd.DataFrame(
        [
            ("refunded", 0, 30.0), ("refunded", 9, -30.0),
            ("zero", 20, 0.0),
            ("voucher", 40, 25.0), ("voucher", 40, -25.0),
            ("refund", 60, -12.0),
            ("late", 80, 14.0), ("late", 120, 6.0), ("late", 121, -3.0),
        ],
        columns=columns,
    )  # fmt: skip
    odd = []
    for number, customer in enumerate(sorted(lines["customer_id"].unique())[1:]):
        at = START + pd.Timedelta(days=170 + 4 * number, hours=8)
        rows = each.assign(customer_id=customer, order_id=customer + "-" + each["order_id"])
        rows["occurred_at"] = rows["known_at"] = at + pd.to_timedelta(rows.pop("days"), unit="D")
        odd.append(rows.assign(discount_value=0.5, quantity=1.0, category="tea", channel="phone"))
    return tables | {"order_lines": pd.concat([lines, *odd], ignore_index=True)}


def _customer(
    tables: dict[str, Rows],
    rng: np.random.Generator,
    customer_id: str,
    number: int,
    days: int,
    prices: np.ndarray,
) -> None:
    joined = int(rng.integers(0, max(days // 3, 1)))
    left = days if rng.random() < 0.6 else int(rng.integers(joined, days))
    gap = float(rng.uniform(6, 45))
    favourite = rng.choice(len(CATEGORIES), 3, replace=False)
    thrifty = float(rng.random())
    at = joined + rng.random()
    order = 0
    while at < left and (number != 0 or order < 1):
        when = _instant(at)
        _order(tables, rng, customer_id, order, when, favourite, thrifty, prices)
        if number == 1 and order == 0:
            order += 1
            _order(tables, rng, customer_id, order, when, favourite, thrifty, prices)
        at += float(rng.gamma(2.0, gap / 2.0)) + 0.02
        order += 1
    _visits(tables["visits"], rng, customer_id, joined, left, favourite)
    _contacts(tables, rng, customer_id, joined, days)
    _service_and_loyalty(tables, rng, customer_id, joined, days)
    _attributes(tables, rng, customer_id, number, joined, days)


def _order(
    tables: dict[str, Rows],
    rng: np.random.Generator,
    customer_id: str,
    order: int,
    when: pd.Timestamp,
    favourite: np.ndarray,
    thrifty: float,
    prices: np.ndarray,
) -> None:
    order_id = f"{customer_id}-{order}"
    channel = CHANNELS[int(rng.integers(3))]
    campaign = CAMPAIGNS[int(rng.integers(3))] if rng.random() < 0.3 else None
    voucher = f"V{int(rng.integers(5))}" if rng.random() < 0.2 else None
    for line in range(int(rng.integers(1, 6))):
        category = int(rng.choice(favourite)) if rng.random() < 0.8 else int(rng.integers(8))
        product = category * 5 + int(rng.integers(5))
        quantity = int(rng.integers(1, 4))
        price = float(prices[product]) * quantity
        discount = (
            round(price * float(rng.choice([0.1, 0.3, 0.4])), 2) if rng.random() < thrifty else 0
        )
        tables["order_lines"].append(
            {
                "customer_id": customer_id,
                "occurred_at": when + pd.Timedelta(seconds=line % 2),
                "order_id": order_id,
                "net_value": round(price - discount, 2),
                "discount_value": None if rng.random() < 0.1 else discount,
                "quantity": None if rng.random() < 0.05 else float(quantity),
                "product_id": None if rng.random() < 0.05 else f"p{product:02d}",
                "category": None if rng.random() < 0.05 else CATEGORIES[category],
                "channel": channel,
                "campaign_id": campaign,
                "voucher_code": voucher,
            }
        )
        if rng.random() < 0.08:
            tables["returns"].append(
                {
                    "customer_id": customer_id,
                    "occurred_at": when + pd.Timedelta(days=int(rng.integers(1, 20)), hours=3),
                    "order_id": order_id,
                    "value": round(price - discount, 2),
                    "product_id": f"p{product:02d}",
                    "reason": str(rng.choice(["size", "quality", "changed mind"])),
                }
            )


def _visits(
    rows: Rows,
    rng: np.random.Generator,
    customer_id: str,
    joined: int,
    left: int,
    favourite: np.ndarray,
) -> None:
    for session in range(int(rng.integers(0, 2 + max(left - joined, 1) // 8))):
        at = rng.uniform(joined, left)
        for step in range(int(rng.integers(1, 5))):
            category = int(rng.choice(favourite))
            rows.append(
                {
                    "customer_id": customer_id,
                    "occurred_at": _instant(at) + pd.Timedelta(minutes=step),
                    "kind": str(rng.choice(["view", "view", "search", "cart", "checkout"])),
                    "channel": "app" if rng.random() < 0.4 else "web",
                    "category": None if rng.random() < 0.2 else CATEGORIES[category],
                    "product_id": f"p{category * 5 + int(rng.integers(5)):02d}",
                    "session_id": f"{customer_id}-s{session}",
                }
            )


def _contacts(
    tables: dict[str, Rows], rng: np.random.Generator, customer_id: str, joined: int, days: int
) -> None:
    eager = float(rng.random())
    for contact in range(int(rng.integers(0, 2 + days // 12))):
        when = _instant(rng.uniform(joined, days))
        contact_id = f"{customer_id}-c{contact}"
        tables["contacts"].append(
            {
                "customer_id": customer_id,
                "occurred_at": when,
                "contact_id": contact_id,
                "channel": str(rng.choice(["email", "email", "push", "post"])),
                "campaign_id": None if rng.random() < 0.2 else str(rng.choice(CAMPAIGNS)),
            }
        )
        kinds = ["delivered"] if rng.random() < 0.9 else ["bounce"]
        for kind, chance in (("open", eager), ("click", eager / 2), ("redeem", eager / 4)):
            if kinds[0] == "delivered" and rng.random() < chance:
                kinds.append(kind)
        if rng.random() < 0.02:
            kinds.append("unsubscribe")
        for step, kind in enumerate(kinds):
            tables["responses"].append(
                {
                    "customer_id": customer_id,
                    "occurred_at": when + pd.Timedelta(hours=step * int(rng.integers(1, 30))),
                    "contact_id": contact_id,
                    "kind": kind,
                }
            )
        if contact % 4 == 0:
            arm = str(rng.choice(["none", "10%", "20%"]))
            tables["offers"].append(
                {
                    "customer_id": customer_id,
                    "occurred_at": when,
                    "offer_id": f"{contact_id}-o",
                    "arm": arm,
                    "discount_rate": {"none": 0.0, "10%": 0.1, "20%": 0.2}[arm],
                    "assignment_probability": 1 / 3,
                    "campaign_id": str(rng.choice(CAMPAIGNS)),
                }
            )


def _service_and_loyalty(
    tables: dict[str, Rows], rng: np.random.Generator, customer_id: str, joined: int, days: int
) -> None:
    for case in range(int(rng.integers(0, 5))):
        when = _instant(rng.uniform(joined, days))
        resolved = when + pd.Timedelta(hours=int(rng.integers(1, 300)))
        tables["service_cases"].append(
            {
                "customer_id": customer_id,
                "occurred_at": when,
                "case_id": f"{customer_id}-x{case}",
                "kind": str(rng.choice(["complaint", "question"])),
                "channel": str(rng.choice(["email", "phone"])),
                "resolved_at": None if rng.random() < 0.3 else resolved,
                "satisfaction": None if rng.random() < 0.4 else float(rng.integers(1, 6)),
            }
        )
    if rng.random() < 0.7:
        at = joined + float(rng.uniform(0, 30))
        events: list[tuple[float, str, float | None, str | None]] = [(at, "join", None, "basic")]
        for _ in range(int(rng.integers(0, 12))):
            kind = str(rng.choice(["earn", "earn", "redeem", "tier"]))
            points = float(rng.integers(5, 200)) if kind != "tier" else None
            tier = str(rng.choice(["silver", "gold"])) if kind == "tier" else None
            events.append((float(rng.uniform(at, days)), kind, points, tier))
        for when_at, kind, points, tier in events:
            tables["loyalty"].append(
                {
                    "customer_id": customer_id,
                    "occurred_at": _instant(when_at),
                    "kind": kind,
                    "points": points,
                    "tier": tier,
                }
            )


def _attributes(
    tables: dict[str, Rows],
    rng: np.random.Generator,
    customer_id: str,
    number: int,
    joined: int,
    days: int,
) -> None:
    versions = [joined - 1.0, *rng.uniform(joined, days, int(rng.integers(0, 3)))]
    for at in versions if number != 2 else []:
        tables["customers"].append(
            {
                "customer_id": customer_id,
                "occurred_at": _instant(float(at)),
                "income": None if rng.random() < 0.1 else str(rng.choice(["low", "mid", "high"])),
                "household_size": None if rng.random() < 0.1 else float(rng.integers(1, 6)),
                "newsletter": bool(rng.random() < 0.5),
                "born": pd.Timestamp("1950-01-01") + pd.Timedelta(days=int(rng.integers(20_000))),
            }
        )
    for purpose, chance in (("profiling", 0.9), ("marketing", 0.7)):
        tables["consents"].append(
            {
                "customer_id": customer_id,
                "occurred_at": _instant(float(joined)),
                "purpose": purpose,
                "channel": "email" if purpose == "marketing" and number % 3 else None,
                "granted": bool(rng.random() < chance),
            }
        )
    for back in range(4):
        tables["labels"].append(
            {
                "customer_id": customer_id,
                "cutoff": START + pd.Timedelta(days=days - 30 * (back + 1)),
                "value": float(rng.random() < 0.4),
            }
        )


def _instant(day: float) -> pd.Timestamp:
    return START + pd.Timedelta(seconds=round(day * 86_400))


def _frame(rows: Rows, rng: np.random.Generator) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    if "occurred_at" in frame:
        late = np.where(rng.random(len(frame)) < 1 / 12, rng.integers(1, 15, len(frame)), 0)
        frame.insert(2, "known_at", frame["occurred_at"] + pd.to_timedelta(late, unit="D"))
    return frame.sample(frac=1.0, random_state=int(rng.integers(1_000))).reset_index(drop=True)
