"""What is converted speaks a third language, which is one file: no English word is left over."""

from __future__ import annotations

import datetime as dt
import logging
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neigung import cli
from neigung.explanation.contributions import Contributions
from neigung.explanation.reasons import reasons
from neigung.features.feature import Column, feature, in_english
from neigung.features.library import library
from neigung.features.sources import ORDERS
from neigung.features.table import FeatureSet
from neigung.language import languages, told
from neigung.models.sampling import Sampling
from neigung.profiles.contract import TABLES
from neigung.profiles.sample import Sample
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Past
from neigung.serving.decision_log import DecisionLog
from neigung.serving.secret import load_secret
from neigung.serving.why import forget, why
from neigung.study import ChurnTarget, CustomTarget, OfferTarget, PurchaseTarget, Target
from neigung.targets.target import in_words
from tests.language.pseudo import PSEUDO, plain_words, wide
from tests.serving.entries import AT, entry
from tests.serving.test_why import EFFECTS, EXPECTED, buying, offering
from tests.stores import small_store

pytestmark = pytest.mark.usefixtures("pseudo")

TARGETS: list[Target] = [
    PurchaseTarget(kind="purchase", horizon_days=7),
    PurchaseTarget.model_validate(
        {"kind": "purchase", "horizon_days": 7, "where": {"category": ["a"], "channel": ["b"]}}
    ),
    ChurnTarget(kind="churn", horizon_days=30),
    ChurnTarget(kind="churn", horizon_days=30, spend_below=0.5),
    CustomTarget(kind="custom", horizon_days=30),
    OfferTarget(kind="offer", horizon_days=14),
    OfferTarget(kind="offer", horizon_days=14, outcome="value", arms=["5%"], campaigns=["c"]),
    OfferTarget(kind="offer", horizon_days=14, outcome="margin"),
]


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_a_target(target: Target) -> None:
    said = in_words(target, PSEUDO)
    # `none` is the control's name, `labels` that of a table within a sentence.
    assert plain_words(said, "none") == []
    assert str(target.horizon_days) in said


def test_a_feature_whose_docstring_has_the_language_and_one_without() -> None:
    @feature(ORDERS, windows=(30,))
    def gifts(orders, within):  # type: ignore[no-untyped-def]
        """Number of gifts.

        de: Anzahl der Geschenke.

        eo: Donacoj.

        reason: {value} gifts

        reason de: {value} Geschenke

        reason eo: {value} donacoj {window}
        """

    @feature(ORDERS, windows=(30,))
    def cards(orders, within):  # type: ignore[no-untyped-def]
        """Number of cards.

        de: Anzahl der Karten.
        """

    [gift], [card] = gifts.columns, cards.columns
    assert gift.text(PSEUDO) == f"Donacoj {wide('in the last')} 30 {wide('days')}"
    assert gift.sentence(PSEUDO) == f"{{value}} donacoj {wide('in the last')} 30 {wide('days')}"
    assert (gift.zero(PSEUDO), card.sentence(PSEUDO)) == (None, None)
    # One language a sentence: the window is English where the text is.
    assert card.text(PSEUDO) == "Number of cards in the last 30 days"
    assert Column.from_dict(gift.to_dict()) == gift
    assert "more" not in card.to_dict()
    note = in_english([gift, card], PSEUDO)
    assert note is not None
    assert plain_words(note.to(PSEUDO), card.name) == []
    assert in_english([gift], PSEUDO) is None
    assert in_english([gift, card], "de") is None
    assert hash(gifts) != hash(cards)


def test_notes_on_what_was_left_out() -> None:
    profiles = Profiles.from_tables({"order_lines": small_store(5)["order_lines"]})
    past = Past(profiles.tables, profiles.table("order_lines"), 1095)
    notes = FeatureSet.select(library(profiles), None, past).notes
    sample = Sample(0.0183, "learn")
    sampling = Sampling(dt.datetime(2025, 1, 1), sample, sample, 100_000, 2_000)
    assert "of 100,000 training rows: those of the 1.8 % of" in sampling.notes()[0]
    assert "von 100.000 Trainingszeilen: die der 1,8 % der" in told(sampling.notes()[0], "de")
    names = [one.name for one in library(profiles)]
    tables = [column.name for table in TABLES.values() for column in table.columns]
    for note in (*notes, *sampling.notes()):
        assert plain_words(told(note, PSEUDO), *names, *TABLES, *tables) == [], note
    assert len(notes) > 3


def test_a_reason(pseudo: Path) -> None:
    more = {"text_eo": "Mendoj", "sentence_eo": "Lasta mendo antaŭ {value}"}
    days = Column(
        "since", "since", None, "days", "rhythm", "number", "Since then", "Seither", more=more
    )
    bare = Column("visits", "visits", None, "visits", "visits", "number", "Visits", "Besuche")
    values = np.array([[0.4, 0.3]])
    for arm, said in ((None, []), ("10%", ["Lasta", "lasta"])):
        given = Contributions(values, 0.0, (days, bare), values.sum(axis=1), arm=arm)
        [[first, second]] = reasons(given, pd.DataFrame({"since": [41.0], "visits": [3.0]}))
        words = plain_words(first.text(PSEUDO), "mendo antaŭ")
        assert words == ["Lasta"] or words == said[1:]
        assert wide("days") in first.text(PSEUDO)
        # Of a feature that has no text in the language its own is English, the rest is not.
        assert set(plain_words(second.text(PSEUDO))) <= {"Visits", "visits"}
        assert first.text_en.lower().endswith("41 days")


def test_why_and_forget(tmp_path: Path) -> None:
    key = load_secret("NEIGUNG_NO_SUCH_VARIABLE", tmp_path / "log.key", create=True)
    names = ("buy", "deals", "c1", "c9", "none", "push", "Feb", "Mar")  # months by Babel
    definition = {"target": {"kind": "churn", "horizon_days": 30}}
    numbers = {"probability": 0.123, "percentile": 87.25}
    bought = buying(definition=definition, reasons=(), outputs=numbers)
    choice = {"outcome": "purchase", "necessary_discount": 0.1, "recommended_arm": "10%"}
    offered = [
        offering(reasons=(), definition={}, outputs=choice | {"arms": arms})
        for arms in (EFFECTS, EXPECTED)
    ]
    with DecisionLog.open(f"sqlite:///{tmp_path}/log.db", key) as log:
        for one in (bought, *offered):
            log.write([one], AT)
            said = " ".join(why(log, "c1", language=PSEUDO).split())
            digests = (one.artefact_digest[:16], one.features_digest[:16], one.client)
            assert plain_words(said, *names, *digests) == []
        assert plain_words(why(log, "c9", AT, PSEUDO), *names) == []
        log.write([entry("c9")], AT)
        for _ in range(2):
            for customer in ("c1", "c9"):
                assert plain_words(forget(log, customer, PSEUDO), *names) == []


OTHERS = ("sqlite", "noon", "file is not a database")
"""What was given, and what SQLite says."""


@pytest.mark.parametrize(
    "command",
    [
        "why c1 --log sqlite:///DIR/no.db --log-key DIR/no.key",
        "why c1 --log sqlite:///DIR/no.db --log-key DIR/short.key",
        "why c1 --log sqlite:///DIR/no.db --log-key DIR/log.key",
        "why c1 --log sqlite:///DIR/empty.db --log-key DIR/log.key",
        "why c1 --log sqlite:///DIR/log.key --log-key DIR/log.key",
        "why c1 --log sqlite:// --log-key DIR/log.key",
        "why c1 --log sqlite:///DIR/no.db --log-key DIR/log.key --at noon",
        "forget",
        "report --out x",
        "report study.yaml --all --out x",
    ],
)
def test_a_refusal_of_the_command_line(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(logging.getLogger(), "level", logging.getLogger().level)
    load_secret("NEIGUNG_NO_SUCH_VARIABLE", tmp_path / "log.key", create=True)
    (tmp_path / "short.key").write_text("short")
    (tmp_path / "empty.db").touch()
    words = command.replace("DIR", str(tmp_path)).split()
    for language in languages():
        monkeypatch.setattr(sys, "argv", ["neigung", *words, "--language", language])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code in (1, 2)
        said = capsys.readouterr().err
        assert said.startswith({"en": "Error: ", "de": "Fehler: "}.get(language, wide("Error")))
        if language == PSEUDO:
            names = [one for one in words if "/" in one] + [one.split("///")[-1] for one in words]
            assert plain_words(said, *names, "NEIGUNG_LOG_KEY", *OTHERS) == []
