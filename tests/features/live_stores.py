"""Stores for the tests of live features, and their customers as requests would bring them."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from neigung.features.live import LiveFeatures, LiveRows
from neigung.models.dataset import build_features, study_features
from neigung.profiles.rows import ROWS, ProfileRows
from neigung.profiles.spine import build_past
from neigung.profiles.store import Profiles
from neigung.study import Study

CUTOFF = dt.datetime(2025, 3, 1, 6)
RETENTION = 400


def study_of(basis: Mapping[str, str] | None = None, **changes: Any) -> Study:
    """A study of purchases, with everybody covered unless a basis is given."""
    return Study.from_dict(
        {
            "name": "live",
            "profiles": "profiles",
            "target": {"kind": "purchase", "horizon_days": 14},
            "legal_basis": basis or {"none_needed": "a test"},
            "retention_days": RETENTION,
            **changes,
        }
    )


@dataclass(frozen=True)
class Batch:
    """What the batch says of a store at one cutoff, and what a snapshot of it would hold."""

    study: Study
    cutoff: dt.datetime
    frame: pd.DataFrame
    tables: dict[str, dict[str, str]]
    shared: dict[str, pa.Table]

    @classmethod
    def of(cls, study: Study, profiles: Profiles, cutoff: dt.datetime) -> Batch:
        past = build_past(profiles, study, cutoff)
        study_features(study, past).table(past)
        shared = {name: t.drop("cutoff").to_pyarrow() for name, t in past.asked.items()}
        dataset = build_features(study, profiles, cutoff)
        frame = dataset.frame.set_index("customer_id").drop(columns=["cutoff", "label"])
        tables = {
            name: {column: str(kind) for column, kind in table.schema().items()}
            for name, table in profiles.tables.items()
        }
        # As it comes from a snapshot, through JSON.
        return cls(study, cutoff, frame, json.loads(json.dumps(tables)), shared)

    def live(self, names: Iterable[str] | None = None) -> LiveFeatures:
        return LiveFeatures(self.study, self.tables, self.shared, list(names or self.frame.columns))

    def assert_equal(self, live: LiveRows, customers: Iterable[str]) -> None:
        """Who is refused is not in the batch; every feature of all others is equal to the bit."""
        expected = self.frame.reindex(list(customers))
        inside = expected.index.isin(self.frame.index)
        assert [reason is None for reason in live.refused] == inside.tolist()
        differing = {}
        for name, found in live.values.items():
            wanted = expected[name]
            if found.dtype == object:
                wanted = wanted.astype(object).where(wanted.notna(), None)
                same = np.array([a == b for a, b in zip(found, wanted, strict=True)], bool)
            else:
                assert found.dtype == np.float64
                same = _bits(found) == _bits(wanted.to_numpy(dtype="float64"))
            for at in np.flatnonzero(~same):
                differing[name] = (expected.index[at], found[at], wanted.iloc[at])
        assert not differing, differing


def _bits(values: np.ndarray) -> np.ndarray:
    """The bits of floats; all missing ones alike."""
    return np.where(np.isnan(values), np.nan, values).view(np.int64)


def requests(tables: Mapping[str, pd.DataFrame]) -> dict[str, ProfileRows]:
    """Every customer of the raw tables of a store as a profile that came as JSON."""
    rows: dict[str, dict[str, list[Any]]] = {}
    for name in ROWS:
        if name not in tables:
            continue
        for row in tables[name].to_dict("records"):
            plain = {key: _plain(value) for key, value in row.items()}
            customer = str(plain["customer_id"])
            rows.setdefault(customer, {}).setdefault(name, []).append(plain)
    return {
        customer: ProfileRows.model_validate_json(json.dumps({"customer_id": customer, **parts}))
        for customer, parts in sorted(rows.items())
    }


def _plain(value: Any) -> Any:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value


def hostile_store(customers: int = 40, seed: int = 3) -> dict[str, pd.DataFrame]:
    """Ties in time and id, rows at the very cutoff and at the edges of windows and of the
    retention, late bookings, amounts of many decimals, empty texts, whole tables missing for some
    customers, numbers as ids, and attributes of every type."""
    rng = np.random.default_rng(seed)
    edges = [0, 7, 30, 60, 90, 91, 180, 335, 364, 365, RETENTION, RETENTION + 1]
    days = [float(edge) for edge in edges] + [0.5, 12.25, 12.25, 40, 40, 77.125, 200, 340.75]
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in ROWS}

    def rows(number: int, most: int) -> list[dict[str, Any]]:
        """Some rows with times; every third customer has none."""
        made = []
        for _ in range(0 if rng.random() < 1 / 3 else int(rng.integers(1, most))):
            at = CUTOFF - dt.timedelta(days=float(rng.choice(days)), seconds=int(rng.integers(2)))
            late = dt.timedelta(days=int(rng.choice([0, 0, 0, 1, 30])))
            known = None if rng.random() < 0.5 else at + late
            made.append({"customer_id": number + 100, "occurred_at": at, "known_at": known})
        return made

    def one(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    for number in range(customers):
        lines = rows(number, 30) or [
            {"customer_id": number + 100, "occurred_at": CUTOFF - dt.timedelta(days=3)}
        ]
        for row in lines:
            tables["order_lines"].append(
                row
                | {
                    "order_id": one(1, 2, 3, 4, 5),
                    "net_value": one(0.0, -5.005, 1.00115, 0.12345, 19.99, 1e9 / 7, 1 / 3),
                    "discount_value": one(None, 0.0, 1.5, 0.00005),
                    "quantity": one(None, 0.0, 1.0, 2.5, 1 / 3, -1.0),
                    "product_id": one(None, "1", "2", "ä"),
                    "category": one(None, "", "tea", "Tea", "Öl", "a\0b"),
                    "channel": one(None, "web", "store", " "),
                    "campaign_id": one(None, "s"),
                    "voucher_code": one(None, "", "V"),
                    "own_weight": one(None, 1.5, 2.0),
                }
            )
        for row in rows(number, 20):
            tables["visits"].append(
                row
                | {
                    "kind": one("view", "cart", "checkout", "search"),
                    "channel": one("app", "web", None),
                    "category": one(None, "tea"),
                    "product_id": one(None, "1", "2"),
                    "session_id": one("a", "b", None),
                }
            )
        for row in rows(number, 9):
            contact = {"contact_id": one("c1", "c2", "c3")}
            tables["contacts"].append(
                row
                | contact
                | {"channel": one("email", "post"), "campaign_id": one(None, "s", "t")}
            )
        for row in rows(number, 9):
            kind = one("delivered", "open", "click", "redeem", "bounce", "unsubscribe")
            tables["responses"].append(row | {"contact_id": one("c1", "c2", "c9"), "kind": kind})
        for row in rows(number, 6):
            rate = one(None, 0.0, 0.1, 1 / 3)
            tables["offers"].append(row | {"offer_id": "o", "arm": "x", "discount_rate": rate})
        for row in rows(number, 6):
            tables["returns"].append(
                row
                | {"order_id": one(1, 2), "value": one(1.005, 7.0), "reason": one(None, "a", "b")}
            )
        for row in rows(number, 6):
            resolved = one(None, dt.timedelta(0), dt.timedelta(days=50))
            tables["service_cases"].append(
                row
                | {
                    "case_id": one(1, 2),
                    "kind": one("complaint", "question"),
                    "resolved_at": None if resolved is None else row["occurred_at"] + resolved,
                    "satisfaction": one(None, 1.0, 4.5),
                }
            )
        for row in rows(number, 9):
            kind = one("join", "tier", "earn", "redeem")
            points = one(None, 10.0, -2.5, 1 / 3)
            tables["loyalty"].append(row | {"kind": kind, "points": points, "tier": one(None, "g")})
        for row in rows(number, 4):
            undated = {} if rng.random() < 0.7 else {"occurred_at": None, "known_at": None}
            tables["customers"].append(
                row
                | undated
                | {
                    "Income": one(None, "low", "high"),
                    "rank": one(1, 2, 3),
                    "age (years)": one(None, 20.5, 1 / 3),
                    "newsletter": one(True, False),
                    "born": one(None, dt.date(1970, 1, 2), dt.date(2001, 5, 6)),
                    "seen_at": CUTOFF - dt.timedelta(days=float(one(*days))),
                    "limit": decimal.Decimal(one("10.50", "7.25")),
                }
            )
        for row in rows(number, 5):
            said = {
                "purpose": one("profiling", "profiling", "marketing"),
                "granted": one(True, False),
            }
            tables["consents"].append(row | said | {"channel": one(None, "email", "post")})
    frames = {name: pd.DataFrame(part) for name, part in tables.items() if part}
    return {name: frame.sample(frac=1, random_state=seed) for name, frame in frames.items()}
