"""Every sentence that the library's features can make, for values low, middle, high and missing."""

import re

import numpy as np
import pandas as pd
import pytest

from neigung.explanation.reaction import reaction_text
from neigung.explanation.reasons import ReasonWriter, facts
from neigung.features.library import library

FEATURES = {one.name: one for one in library()}
COLUMNS = tuple(column for one in library() for column in one.columns)
MISSING = float("nan")
VALUES = {
    "share": (0.0, 0.0004, 0.5, 1.0, MISSING),
    "days": (0.0, 0.4, 1.0, 2.0, 41.3, 1234.0, MISSING),
    "hours": (0.0, 1.0, 14.5, 23.0, MISSING),
    "clock": (0.0, 9.0, 14.5, 23.0, MISSING),
    "currency": (0.0, 0.004, 1.0, 12.345, 1234567.0, MISSING),
    "ratio": (0.0, 0.004, 0.8, 1.0, 1.83, 1234.5, MISSING),
    "category": ("web", "-", None),
}
COUNTS = (0.0, 1.0, 2.0, 1234.0, MISSING)
USUAL = {
    column.name: {"category": "app", "share": 0.12, "days": 9.0, "ratio": 0.6}.get(column.unit, 4.0)
    for column in COLUMNS
}
WRITER, BARE = ReasonWriter(COLUMNS, USUAL), ReasonWriter(COLUMNS)

# What a template or a number leaves behind when it goes wrong, and what nobody would say.
LEFTOVERS = re.compile(
    r"[{}]|\bnan\b|\bNone\b(?! of)|\binf\b|  |^\s|\s$| [,.;:)]|: ?$|\(\s|\)\w|\.$"
    r"|(?<![.,\d])1 (days|hours|orders|products|categories|clicks|contacts|service cases|points)\b"
    r"|(?<![.,\d])1 (Tage|Tagen|Stunden|Bestellungen|Produkte|Produkten|Kategorien|Klicks"
    r"|Kontakte|Servicefälle|Punkte)\b"
    r"|\b1 (times|weeks|lines|items|pieces|campaigns|returns|offers|searches|carts|Wochen|Artikel"
    r"|Kampagnen|Retouren|Angebote|Suchen|Warenkörbe)\b|\b[012]-mal\b"
    r"|\b(alle|every) (1|0)\b(?![.,])|(?<!\d )\b(vor|seit|nach|an|aus) \d[\d.,]* Tage\b"
)
JARGON = re.compile(
    r"median|mean\b|deviation|quantile|ratio\b|momentum|order lines|effective|conversion"
    r"|mittel\b|streuung|abweichung|verhältnis|positionen|effektiv|sitzung",
    re.IGNORECASE,
)
CAUSE = re.compile(
    r"\b(because|causes?|thanks to|leads? to|led to|weil|wegen|führ(t|te|ten|en) zu|deshalb"
    r"|verursacht|aufgrund|dank)\b",
    re.IGNORECASE,
)


def rows(column):
    """A row for each value of the column, beside middling values of the others."""
    pool = VALUES.get(column.unit, COUNTS)
    X = pd.DataFrame({one.name: [_middle(one)] * len(pool) for one in COLUMNS})
    X[column.name] = list(pool)
    told = np.zeros((len(X), len(COLUMNS)))
    told[:, COLUMNS.index(column)] = 1.0
    return pool, X, told


def _middle(column):
    pool = VALUES.get(column.unit, COUNTS)
    return pool[0] if column.kind == "category" else pool[2]


def is_missing(value):
    return value is None or value != value


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_every_value_reads_well(column):
    pool, X, told = rows(column)
    for value, [reason], [bare] in zip(
        pool, WRITER.write(told, X, 1), BARE.write(told, X, 1), strict=True
    ):
        for language in ("en", "de"):
            text, without = reason.text(language), bare.text(language)
            assert not LEFTOVERS.search(text), text
            # A count without rows is zero, so that the plain text of a missing one is never told.
            assert text.endswith((": unknown", ": unbekannt")) or not JARGON.search(text), text
            assert not CAUSE.search(text), text
            assert text[0].isupper() or text[0].isdigit(), text
            assert len(without) <= 125, text
            assert len(text) <= 150, text
            assert re.sub(r" \((typ|most|the most|am h)[^)]*\)", "", text) == without
            assert without.count(":") - without.count(":30") - without.count(":00") <= 1, text
            sentence = reaction_text(without, "10%", True, language)
            assert sentence.count(":") == without.count(":"), sentence
        assert "%" not in reason.text_en or " %" not in reason.text_en
        assert not re.search(r"\d%", reason.text_de)
        if is_missing(value):  # what is usual of another column only, where one is named
            named = "{" in (column.missing("en") or "")
            assert (reason.text_en != bare.text_en) == (reason.text_de != bare.text_de) == named
        elif value:  # zero may be told in words, behind which no number belongs
            assert reason.text_en != bare.text_en
            assert reason.text_de != bare.text_de


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_what_is_missing_and_what_is_nothing_is_said_in_words(column):
    pool, X, told = rows(column)
    found = BARE.write(told, X, 1)
    if FEATURES[column.feature].empty is None:
        assert is_missing(pool[-1])
        [reason] = found[-1]
        assert reason.value is None
        assert not reason.text_en.endswith(": unknown")
        assert not reason.text_de.endswith(": unbekannt")
    else:  # customers without such rows have none of them, and are many
        [reason] = found[0]
        assert reason.value == 0
        # The rest of the sentence may name days, but no count stands before "of", "times" or a noun
        assert not re.search(r"(?<![\d.,])0(?! days ago)", reason.text_en), reason.text_en
        assert not re.search(r"(?<![\d.,])0(?![\d.,])", reason.text_de), reason.text_de


@pytest.mark.parametrize("case", ["missing", "nothing", "middle"])
def test_no_two_facts_say_the_same(case):
    """Whatever a customer's reasons are, each says something else."""
    zero = {"missing": MISSING, "nothing": 0.0}
    X = pd.DataFrame(
        {
            one.name: [
                (None if case == "missing" else "web")
                if one.kind == "category"
                else zero.get(case, _middle(one))
            ]
            for one in COLUMNS
        }
    )
    values = np.random.default_rng(0).normal(size=(40, len(COLUMNS)))
    for told in WRITER.write(values, pd.concat([X] * len(values)), len(COLUMNS)):
        assert len(told) == len(set(facts(COLUMNS)))
        for language in ("en", "de"):
            assert len({reason.text(language) for reason in told}) == len(told)


def test_what_a_shop_would_call_one_fact_is_one():
    fact = dict(zip([column.name for column in COLUMNS], facts(COLUMNS), strict=True))
    for alike in (
        ("days_since_last_order", "recency_to_gap_median", "overdue_spreads", "longer_gap_share"),
        ("order_count_30d", "order_count", "order_days", "order_weeks_91d", "order_gap_median"),
        ("order_value_30d", "order_value_365d", "order_value_momentum_30"),
        ("order_value_mean_90d", "last_order_value", "order_value_max_365d"),
        ("discounted_order_share_90d", "discount_share_365d", "full_price_order_count_365d"),
        ("visit_count_7d", "visit_days_30d", "session_count_30d"),
        ("contact_count_7d", "contacts_since_order", "contact_pressure_30"),
        ("complaint_count_365d", "days_since_last_complaint"),
    ):
        assert len({fact[name] for name in alike}) == 1, alike
    apart = (
        *("days_since_last_order", "order_count_30d", "order_value_30d", "order_value_mean_90d"),
        *("discount_share_90d", "discount_depth_365d", "visit_count_30d", "days_since_last_visit"),
        *("contact_count_30d", "open_share_90d", "complaint_count_365d", "case_count_90d"),
    )
    assert len({fact[name] for name in apart}) == len(apart)
    # Themes are wider than facts: what stands under one heading is more than one thing.
    assert 40 <= len(set(fact.values())) <= 60


@pytest.mark.parametrize("language", ["en", "de"])
def test_bare_texts(language):
    """The names under which plots and tables show the columns."""
    texts = [column.text(language) for column in COLUMNS]
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert not LEFTOVERS.search(text), text
        assert len(text) <= 135, text
        assert "(" not in text or ")" in text


def told(name, value, others=()):
    """What one column says of a customer, in both languages."""
    column = next(one for one in COLUMNS if one.name == name)
    X = pd.DataFrame({one.name: [_middle(one)] for one in COLUMNS}).assign(**dict(others))
    X[name] = [value]
    values = np.zeros((1, len(COLUMNS)))
    values[0, COLUMNS.index(column)] = -1.0
    [[reason]] = WRITER.write(values, X)
    return reason.text_en, reason.text_de


@pytest.mark.parametrize(
    ("name", "value", "english", "german"),
    [
        (
            *("order_count_30d", 0.0, "No orders in the last 30 days (typical: 4)"),
            "Keine Bestellungen in den letzten 30 Tagen (typisch: 4)",
        ),
        ("order_count", 8.0, "8 orders so far (typical: 4)", "8 Bestellungen bisher (typisch: 4)"),
        (
            *("discount_share_90d", 0.0, "Nothing saved through discounts in the last 90 days"),
            "Nichts in den letzten 90 Tagen durch Rabatte gespart",
        ),
        (
            *("discounted_order_share_90d", MISSING),
            "No orders in the last 90 days, so no discounts",
            "Keine Bestellungen in den letzten 90 Tagen, daher keine Rabatte",
        ),
        (
            *("cart_count_7d", 1.0, "Put something into the cart once in the last 7 days"),
            "In den letzten 7 Tagen einmal etwas in den Warenkorb gelegt",
        ),
        (
            *("order_hour_median_365d", 9.5, "Orders in the last 365 days usually around 9:30"),
            "Bestellungen in den letzten 365 Tagen meist gegen 9:30 Uhr",
        ),
        (
            "recency_to_gap_median",
            1.0,
            "Last order 1 day ago, just as long as the customer's usual pause (typical: 0.6)",
            "Letzte Bestellung vor 1 Tag, genau so lange wie sonst zwischen zwei Bestellungen",
        ),
        (
            "recency_to_gap_median",
            MISSING,
            "Last order 1 day ago (typical: 9 days), no earlier one on record",
            "Letzte Bestellung vor 1 Tag (typisch: 9 Tage), keine frühere bekannt",
        ),
        (
            "days_since_last_complaint",
            MISSING,
            "No complaint on record",
            "Keine Beschwerde bekannt",
        ),
    ],
)
def test_some_in_full(name, value, english, german):
    found = told(name, value)
    assert found[0].startswith(english)
    assert found[1].startswith(german)
