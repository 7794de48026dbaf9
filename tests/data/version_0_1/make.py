"""Made house.tar.xz with Neigung as it was at commit 75592e3: `PYTHONPATH=…/src python make.py`.

A house as somebody has it who worked with that version: profiles, two studies with their registered
versions, a review, champions, snapshots, a decision log with its key, and the answers of then.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import yaml
from matplotlib.figure import Figure

from neigung import scoring
from neigung.explanation import page
from neigung.serving.access import ApiKey
from neigung.serving.clock import Clock
from neigung.serving.decision_log import DecisionLog
from neigung.serving.inventory import inventory
from neigung.serving.pinned import Pinned
from neigung.serving.predictor import Predictor
from neigung.serving.schemas import OffersRequest, PredictRequest
from neigung.serving.studies import ServedStudy
from neigung.serving.why import why, why_data
from neigung.study import Study
from neigung.tracking import registry
from neigung.tracking.gate import promote
from neigung.tracking.review import review
from neigung.training import train

HERE = Path(__file__).parent
HOUSE = "/house-of-version-0.1"
"""Stands in MLflow's files for the folder, which whoever unpacks it puts in its place."""

START = pd.Timestamp("2024-01-01")
DAYS, CUSTOMERS = 360, 240
NOW = dt.datetime(2025, 1, 2, 12, tzinfo=dt.UTC)
KEY = b"the key of a decision log that only tests read"

BUY: dict[str, Any] = {
    "name": "buy",
    "profiles": "profiles",
    "target": {"kind": "purchase", "horizon_days": 14},
    "population": {"active_within_days": 200},
    "legal_basis": {"consent": "profiling"},
    "cutoffs": {"last": "latest", "every_days": 20, "count": 4},
    "features": ["order_count", "days_since_last_order", "last_order_channel"],
    "model": {"trials": 1, "folds": 1},
    "report": {"sample": 0},
}
DISCOUNT: dict[str, Any] = {
    "name": "discount",
    "profiles": "profiles",
    "target": {"kind": "offer", "horizon_days": 14},
    "legal_basis": {"legitimate_interest": "marketing"},
    "cutoffs": {"last": "latest", "every_days": 60, "count": 3},
    "features": ["order_count", "days_since_last_order", "last_order_channel"],
    "decision": {"margin_rate": 0.7, "contact_cost": 0.05},
    "report": {"sample": 0},
}
ASKED = ("k000", "k001", "k005", "k041", "nobody")


def tables() -> dict[str, pd.DataFrame]:
    """A shop without anything doubtful: plain ids, no zero, every order at one instant."""
    lot = np.random.default_rng(1)
    lines, offers, consents = [], [], []
    for number in range(CUSTOMERS):
        customer, gap = f"k{number:03d}", float(lot.uniform(8, 60))
        channel = str(lot.choice(["web", "app", "store"]))
        moments = np.cumsum(lot.gamma(2.0, gap / 2, 60)) + lot.uniform(0, 30)
        won: dict[float, float] = {}
        given = np.arange(40, DAYS - 20, 60) + int(lot.integers(0, 20))
        for step, day in enumerate(given):
            arm = str(lot.choice(["none", "10%", "20%"]))
            rate = {"none": 0.0, "10%": 0.1, "20%": 0.2}[arm]
            offers.append((customer, instant(day + 0.25), f"{customer}-f{step}", arm, rate, 1 / 3))
            if lot.random() < 2.5 * rate * gap / 60:
                won[day + float(lot.uniform(1, 10))] = rate
        for order, day in enumerate(sorted([*moments[moments < DAYS].tolist(), *won])):
            for _ in range(int(lot.integers(1, 4))):
                price = round(float(lot.uniform(3, 40)), 2)
                off = round(price * won.get(day, 0.0), 2)
                paid = round(price - off, 2)
                lines.append((customer, instant(day), f"{customer}-{order}", paid, off, channel))
        for purpose in ("profiling", "marketing"):
            granted = bool(lot.random() < 0.9)
            consents.append((customer, instant(0), purpose, granted))
    return {
        "order_lines": pd.DataFrame(
            lines,
            columns=["customer_id", "occurred_at", "order_id", "net_value", "discount_value",
                     "channel"],
        ),
        "offers": pd.DataFrame(
            offers,
            columns=["customer_id", "occurred_at", "offer_id", "arm", "discount_rate",
                     "assignment_probability"],
        ),
        "consents": pd.DataFrame(
            consents, columns=["customer_id", "occurred_at", "purpose", "granted"]
        ),
    }  # fmt: skip


def draw_nothing() -> None:
    """Pictures are most of a report's bytes, and nothing reads them again."""
    Figure.savefig = lambda _, place, **__: place.write_bytes(b"")
    page._svg, page._png = lambda _: b"<svg/>", lambda _: b""


def instant(day: float) -> pd.Timestamp:
    """The second of a day's fraction after the start."""
    return START + pd.Timedelta(seconds=round(float(day) * 86_400))


def build() -> None:
    """All that is in the house but the answers."""
    draw_nothing()
    Path("profiles").mkdir()
    for name, frame in tables().items():
        frame.to_parquet(f"profiles/{name}.parquet", index=False, compression="none")
    for content in (BUY, DISCOUNT):
        Path(f"{content['name']}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    buy, discount = Study.load("buy.yaml"), Study.load("discount.yaml")
    version = train(buy).version
    review(buy, version, "approve", by="Ada", note="Read whole, and fair.")
    promote(buy, version, force=True, why="for the tests of later versions")
    train(buy.model_copy(update={"model": buy.model.model_copy(update={"seed": 8})}))
    promote(discount, train(discount).version, force=True, why="for the tests of later versions")
    for study in (buy, discount):
        scoring.write_snapshot(study, Path("snapshots") / study.name)
    shutil.rmtree(".neigung")  # the trials of the tuning
    Path(".neigung").mkdir()
    Path(".neigung/log.key").write_bytes(KEY)


def profile() -> dict[str, Any]:
    """A customer who comes with the request."""
    lines = [
        {"order_id": f"A{day}", "occurred_at": f"2024-11-{day:02d}T10:00:00Z", "net_value": 12.5,
         "channel": "web"}
        for day in (3, 12, 24)
    ]  # fmt: skip
    consent = {"occurred_at": "2024-01-01T00:00:00Z", "purpose": "profiling", "granted": True}
    return {"order_lines": lines, "consents": [consent]}


def questions() -> dict[str, dict[str, Any]]:
    """What the service is asked."""
    known = [{"customer_id": one} for one in ASKED]
    own = {"profile": profile(), "cutoff": "2024-12-20T00:00:00Z"}
    return {
        "predict": {"customers": [*known, own], "reasons": 3, "language": "de"},
        "offers": {"customers": known, "reasons": 2, "budget": 6.0},
    }


def answers() -> dict[str, Any]:
    """What it says, and what the log keeps of it."""
    clock = Clock(lambda: NOW.timestamp(), lambda: 0.0)
    pinned, served = Pinned(Path("pinned")), {}
    for name in ("buy", "discount"):
        pinned.write(*registry.load(name, "champion"))
        place = Path("snapshots") / name
        served[name] = ServedStudy(Study.load(f"{name}.yaml"), place, pinned, clock=clock)
    key = ApiKey("crm", frozenset({"predict:*", "offers:*", "models"}))
    asked = questions()
    with DecisionLog.open("sqlite:///decisions.db", KEY) as log:
        predictor = Predictor(served, log, clock)
        said = {
            "predict": predictor.predict(
                PredictRequest.model_validate_json(json.dumps(asked["predict"])), key
            ),
            "offers": predictor.offers(
                OffersRequest.model_validate_json(json.dumps(asked["offers"])),
                key,
            ),
            "models": inventory(served, key),
        }
        told = {one: why_data(log, one) for one in ASKED}
        text = {language: why(log, ASKED[0], language=language) for language in ("en", "de")}
    return {"questions": asked, "answers": said, "why_data": told, "why": text}


def machine() -> dict[str, str]:
    """On which kinds of machine the same training gives the same bytes."""
    from numpy._core._multiarray_umath import __cpu_features__

    libraries = ("numpy", "scipy", "scikit-learn", "lightgbm", "pandas", "duckdb")
    return {name: installed(name) for name in libraries} | {
        "processor": platform.machine(),
        "features": " ".join(sorted(name for name, there in __cpu_features__.items() if there)),
    }


def scored() -> dict[str, Any]:
    """What the versions say of everybody, and what is registered."""
    found: dict[str, Any] = {}
    for name in ("buy", "discount"):
        for one in registry.versions(name):
            artefact, info = registry.load(name, one.version)
            scores = scoring.score(f"{name}.yaml", version=one.version, reasons=1)
            report = registry.read_report(info)
            found[f"{name}/{one.version}"] = {
                "digest": artefact.digest,
                "aliases": info.aliases,
                "metrics": dict(info.metrics),
                "report_digest": report.digest,
                "headline": registry.evaluation_of(info).headline_numbers(),
                "scores": scores.to_dict("list"),
            }
    return found


def place_everywhere(folder: Path, before: str, after: str) -> None:
    """Another folder in MLflow's files."""
    for path in folder.glob("mlruns/**/*"):
        if path.is_file() and before.encode() in (content := path.read_bytes()):
            path.write_bytes(content.replace(before.encode(), after.encode()))
    with closing(sqlite3.connect(folder / "mlflow.db")) as store:
        for table, column in _texts(store):
            store.execute(
                f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?)',  # noqa: S608
                (before, after),
            )
        store.commit()
        store.execute("VACUUM")


def _texts(store: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for _, column, kind, *_ in store.execute(f'PRAGMA table_info("{table}")').fetchall():
            if kind.startswith(("VARCHAR", "TEXT")):
                yield table, column


def main() -> None:
    """Build the house elsewhere and pack it here."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve() / "house"
        folder.mkdir()
        os.chdir(folder)
        build()
        expected = {"machine": machine(), "versions": scored(), **answers()}
        text = json.dumps(expected, indent=1, ensure_ascii=False, default=str)
        Path("expected.json").write_text(text, encoding="utf-8")
        place_everywhere(folder, str(folder), HOUSE)
        os.chdir(HERE)
        with tarfile.open(HERE / "house.tar.xz", "w:xz", preset=9) as packed:
            for path in sorted(folder.rglob("*")):
                packed.add(path, path.relative_to(folder), recursive=False, filter=_nobody)


def _nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main()
