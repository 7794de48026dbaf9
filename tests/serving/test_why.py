"""What a person is told of the predictions: complete, in plain words, in both languages."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neigung.errors import InputError
from neigung.explanation.reasons import Reason
from neigung.serving.decision_log import DecisionLog
from neigung.serving.entry import Entry
from neigung.serving.why import forget, forget_text, purge_text, why, why_data, why_json, why_text
from tests.serving.entries import AT, DEFINITION, KEY, entry

EFFECTS = {
    "10%": {"uplift": 0.0142, "low": -0.003, "high": 0.03},
    "push": {"uplift": float("nan"), "low": 0.001, "high": 0.002},
}
EXPECTED = {
    "none": {"probability": 0.1, "value": 1234.5, "margin": 1.1},
    "10%": {"probability": 0.12, "value": 3.9, "margin": 1.0},
}
MORE = Reason("days", 41.0, 0.01, "Stronger reaction to 10% expected – last order 41 days ago",
              "Stärkere Reaktion auf 10 % erwartet – letzte Bestellung vor 41 Tagen")  # fmt: skip


def buying(**changes: Any) -> Entry:
    given = np.array([0.5, -0.75, 0.0, 0.25, np.log(0.25)])
    outputs = {"probability": 0.123, "percentile": 87.25, "band": "medium"}
    columns = ("a", "b", "c", "d")
    return entry(**({"outputs": outputs, "contributions": given, "columns": columns} | changes))


def offering(**changes: Any) -> Entry:
    definition = {
        "target": {"kind": "offer", "horizon_days": 14},
        "legal_basis": {"consent": None, "legitimate_interest": "marketing"},
    }
    outputs = {"outcome": "purchase", "arms": EFFECTS, "recommended_arm": "10%"}
    given = {"study": "deals", "unit": "points", "arm": "10%", "outputs": outputs}
    values = {"contributions": np.array([0.01, -0.02, 0.004]), "columns": ("a", "b")}
    return entry(**(given | values | {"reasons": (MORE,), "definition": definition} | changes))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/decisions.db"


@pytest.fixture
def log(url: str) -> Iterator[DecisionLog]:
    with DecisionLog.open(url, KEY) as log:
        yield log


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NEIGUNG_LOG_KEY", raising=False)
    (tmp_path / "log.key").write_bytes(KEY)
    return tmp_path / "log.key"


def told(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


def test_a_probability_in_english(log: DecisionLog) -> None:
    log.write([buying()], AT)
    text = told(why(log, "c1"))
    for part in (
        "What was predicted of customer c1",
        "1. Study buy",
        "What is predicted: The customer orders within the next 30 days.",
        "Prediction: 12% probability, higher than that of 87% of the customers the model was "
        "tested on, band “medium”",
        "Answered: 2026-03-01 12:30:15 UTC, to “crm”",
        "Model: version 3, fingerprint abababababababab",
        "knew of the customer before 2026-02-28 00:00:00 UTC; fingerprint",
        "Legal basis: consent to profiling",
        "- Last order 41 days ago – lowers the prediction",
        "- Mostly orders by web – raises the prediction",
        "Of 4 features, 2 raised the prediction, 1 lowered it and 1 changed nothing.",
        "Starting point, the same for everybody: 20%.",
        "(SHAP values)",
        "(Article 22)",
        "What is not stored here",
    ):
        assert part in text
    assert "password" not in text


def test_a_probability_in_german(log: DecisionLog) -> None:
    log.write([buying(source="profile")], AT)
    text = told(why(log, "c1", AT, "de"))
    for part in (
        "Was über Kunde c1 vorhergesagt wurde, Stand 01.03.2026, 12:30:15 Uhr (UTC)",
        "Der Kunde bestellt in den nächsten 30 Tagen.",
        "Wahrscheinlichkeit 12 %, höher als bei 87 % der Kunden, an denen das Modell geprüft "
        "wurde, Band „mittel“",
        "was mit der Anfrage kam, soweit es vor dem 28.02.2026, 00:00:00 Uhr (UTC) bekannt war",
        "Rechtsgrundlage: Einwilligung in Profiling",
        "- Letzte Bestellung vor 41 Tagen – senkt die Vorhersage",
        "Von 4 Merkmalen erhöhten 2 die Vorhersage, 1 senkten sie und 1 änderten nichts.",
        "(Artikel 22)",
        "Was hier nicht gespeichert ist",
    ):
        assert part in text


def test_an_uplift_and_an_offer(log: DecisionLog) -> None:
    outputs = {"arms": EXPECTED, "necessary_discount": 0.1, "recommended_arm": "10%"}
    log.write([offering(), offering(kind="offer", outputs=outputs, definition={})], AT)
    text = told(why(log, "c1"))
    for part in (
        "1. Study deals: which offer",
        "- none: 10% probability of an order, 1,234.50 expected value, 1.10 expected margin",
        "- necessary discount: 10%",
        "2. Study deals What is predicted: What an offer changes in the chance that",
        "- 10%: +1.4 percentage points, compared with not getting it (95% interval: −0.3 "
        "percentage points to +3.0 percentage points)",
        "- push: –, compared",
        "- recommended: 10%",
        "Legal basis: legitimate interest in marketing",
        "- Stronger reaction to 10% expected – last order 41 days ago",
        "Of 2 features, 1 raised the predicted effect of 10%, 1 lowered it and 0 changed nothing. "
        "Starting point, before any feature is looked at: +0.4 percentage points.",
        "The effect of an offer is the difference",
    ):
        assert part in text
    german = told(why(log, "c1", language="de"))
    for part in (
        "1. Studie deals: welches Angebot",
        "- none: Wahrscheinlichkeit einer Bestellung 10 %, erwarteter Wert 1.234,50",
        "- nötiger Rabatt: 10 %",
        "- 10 %: +1,4 Prozentpunkte, verglichen damit, es nicht zu bekommen",
        "- Stärkere Reaktion auf 10 % erwartet – letzte Bestellung vor 41 Tagen",
        "Ausgangswert, bevor ein Merkmal betrachtet wird: +0,4 Prozentpunkte.",
    ):
        assert part in german


def test_money_is_told_as_money(log: DecisionLog) -> None:
    outputs = {"outcome": "value", "arms": {"10%": {"uplift": 0.5, "low": -0.25, "high": 1.5}}}
    log.write([offering(unit="money", outputs=outputs)], AT)
    assert "10%: +0.50, compared with not getting it (95% interval: −0.25 to +1.50)" in told(
        why(log, "c1")
    )


def test_what_is_unknown_here_is_told_as_it_is(log: DecisionLog) -> None:
    log.write([buying(outputs={"new": 7}, contributions=None, reasons=(), definition={})], AT)
    text = told(why(log, "c1"))
    assert "Prediction: new: 7" in text
    assert "No feature moves this prediction." in text
    assert "Legal basis" not in text
    assert "What is predicted:" not in text


def test_extreme_numbers_are_told(log: DecisionLog) -> None:
    given = np.array([1.0, 2000.0, -3.0, 0.0, -1e6])
    outputs = {"probability": float("nan"), "percentile": 100.0, "band": "own"}
    log.write([buying(contributions=given, outputs=outputs)], AT)
    text = told(why(log, "c1"))
    assert "unknown probability, higher than that of 100%" in text
    assert "band “own”" in text


def test_the_newest_at_a_time(log: DecisionLog) -> None:
    for number in range(2):
        log.write([buying(version=number + 1)], AT + dt.timedelta(days=number))
    assert "Model: version 2" in why(log, "c1")
    assert "Model: version 1" in why(log, "c1", AT)
    nothing = why(log, "c1", AT - dt.timedelta(days=1))
    assert nothing == (
        "The decision log holds no prediction of customer c1, as of 2026-02-28 12:30:15 UTC."
    )
    assert "keine Vorhersage über Kunde c9." in why(log, "c9", language="de")


def test_as_data_with_every_contribution(log: DecisionLog) -> None:
    log.write([buying(), offering()], AT)
    found = why_data(log, "c1", AT)
    assert (found["customer_id"], found["at"]) == ("c1", AT.isoformat())
    bought, offered = found["predictions"]
    assert bought["contributions"] == {"a": 0.5, "b": -0.75, "c": 0.0, "d": 0.25}
    assert bought["base"] == np.log(0.25)
    assert bought["outputs"] == {"probability": 0.123, "percentile": 87.25, "band": "medium"}
    assert bought["reasons"][0]["text_de"] == "Letzte Bestellung vor 41 Tagen"
    assert (bought["at"], bought["cutoff"]) == (AT.isoformat(), "2026-02-28T00:00:00")
    assert bought["definition"]["legal_basis"] == DEFINITION["legal_basis"]
    assert offered["outputs"]["arms"]["push"]["uplift"] is None
    json.dumps(found, allow_nan=False)


def test_the_command_line_gets_text_and_data(url: str, key: Path) -> None:
    with DecisionLog.open(url, KEY) as log:
        log.write([buying()], AT)
    assert why_text(url, key, "c1", None, "de").startswith("Was über Kunde c1")
    assert "version 3" in why_text(url, str(key), "c1", "2026-03-02", "en")
    assert "no prediction" in why_text(url, key, "c1", "2026-03-01T14:30:15+02:00", "en")
    assert json.loads(why_json(url, key, "c1"))["predictions"][0]["study"] == "buy"
    assert forget_text(url, key, "c1", "en").startswith("One entry of customer c1 was erased")
    assert "nichts über Kunde c1" in forget_text(url, key, "c1", "de")
    assert json.loads(why_json(url, key, "c1"))["predictions"] == []


def test_what_is_too_old_is_erased(url: str, key: Path) -> None:
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    with DecisionLog.open(url, KEY) as log:
        log.write([buying(customer_id="old")], now - dt.timedelta(days=31))
        log.write([buying(customer_id="new")], now - dt.timedelta(days=29))
    assert purge_text(url, key, 30, "en").endswith(
        ": 1. Backups keep them until they are replaced."
    )
    assert json.loads(why_json(url, key, "old"))["predictions"] == []
    assert len(json.loads(why_json(url, key, "new"))["predictions"]) == 1
    assert ": 0." in purge_text(url, key, 30, "de")


def test_the_command_line_says_what_is_wrong(url: str, key: Path) -> None:
    for bad in (
        lambda: why_text(url, key, "c1", None, "fr"),
        lambda: why_json(url, key, "c1", None, "fr"),
        lambda: forget_text(url, key, "c1", "fr"),
    ):
        with pytest.raises(InputError, match="en or de, found 'fr'"):
            bad()
    with pytest.raises(InputError, match=r"A time such as .* is needed, found 'noon'"):
        why_text(url, key, "c1", "noon", "en")
    with pytest.raises(InputError, match="there is no such file"):
        why_text(url, key, "c1")
    key.unlink()
    with pytest.raises(InputError, match="found neither"):
        forget_text(url, key, "c1")


def test_forgetting_counts(log: DecisionLog) -> None:
    log.write([buying(), offering(), buying(customer_id="c2")], AT)
    assert forget(log, "c1", "de").startswith("2 Einträge über Kunde c1 wurden")
    assert forget(log, "c2").startswith("One entry of customer c2 was erased")
    assert forget(log, "c2").startswith("The decision log holds nothing of customer c2")
