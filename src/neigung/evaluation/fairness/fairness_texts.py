"""What `Fairness` found, in sentences."""

from __future__ import annotations

import re
from typing import Any, Protocol

import numpy as np
import pandas as pd

from neigung.evaluation.fairness.fairness_limits import MEASURES
from neigung.evaluation.fairness.fairness_words import words
from neigung.evaluation.fairness.group_differences import FEWEST_ROWS
from neigung.evaluation.fairness.sensitive import MISSING, level_text
from neigung.evaluation.metric import METRICS
from neigung.language import Message, stored_in
from neigung.language.intervals import amount_text, format_interval, format_number
from neigung.language.numbers import count_text, share_text
from neigung.language.values import quoted


class Compared(Protocol):
    """What was compared between groups, as `Fairness` keeps it."""

    @property
    def attributes(self) -> tuple[str, ...]: ...
    @property
    def kind(self) -> str: ...
    @property
    def n_rows(self) -> int: ...
    @property
    def groups(self) -> pd.DataFrame: ...
    @property
    def comparisons(self) -> pd.DataFrame: ...
    @property
    def stand_ins(self) -> pd.DataFrame: ...
    @property
    def recovered(self) -> pd.DataFrame: ...
    @property
    def used(self) -> pd.DataFrame: ...
    @property
    def dropped(self) -> pd.DataFrame: ...


DIRECT_USE = 0.05
"""From this share of the model on, a sensitive column is a concern: a twentieth of what moves the
predictions is no accident of a few trees, and to treat people differently for the attribute itself
needs a better reason in law than to do so for what goes along with it (§ 3 and § 20 AGG)."""

RECOVERS = 0.7
"""From this AUROC on, other columns can be said to tell an attribute: what Hosmer and Lemeshow call
acceptable discrimination."""

PARTLY = 0.6
"""From this AUROC on, they tell it in part."""

_MOST_NAMED = 3
_LONGEST = 40


def summary(fairness: Compared, language: str = "en") -> str:
    """One sentence: see `Fairness.summary`."""
    if not fairness.attributes:
        return words("none", language)
    count = len(concerns(fairness, language))
    if count:
        return words("one_concern" if count == 1 else "concerns", language, count=count)
    return words("no_concern" if len(fairness.comparisons) else "unjudged", language)


def concerns(fairness: Compared, language: str = "en") -> tuple[str, ...]:
    """A sentence for each concern: see `Fairness.concerns`."""
    table = fairness.comparisons
    told = _differences(fairness, table[table["concern"]], language)
    used = fairness.used[fairness.used["share"] >= DIRECT_USE]
    for row in used.sort_values("share", ascending=False, kind="stable").to_dict("records"):
        share = share_text(row["share"], language, 1)
        told.append(words("used", language, text=_named(row, language), share=share))
    return tuple(told)


def doubts(fairness: Compared, language: str = "en") -> tuple[str, ...]:
    """Large differences that may be chance among so many: see `Fairness.doubts`."""
    table = fairness.comparisons
    alone = (table["low"] > 0) | (table["high"] < 0)
    table = table[table["large"] & alone & ~table["concern"] & ~table["explained"]]
    return tuple(_differences(fairness, table, language))


def unneeded(fairness: Compared, metric: str) -> bool:
    """Whether the model reads sensitive columns, and is not better for it beyond chance."""
    table = fairness.dropped[fairness.dropped["metric"] == metric]
    if fairness.used.empty or table.empty or not np.isfinite(table["difference"].iloc[0]):
        return False
    row = _rows(table)[0]
    better = row["low"] > 0 if METRICS[metric].higher_is_better else row["high"] < 0
    return not better


def findings(fairness: Compared, language: str = "en") -> tuple[str, ...]:
    """What else is worth knowing: see `Fairness.findings`."""
    if not fairness.attributes:
        return (words("none", language),)
    table = fairness.comparisons
    told = [_extent(fairness, language), _small(fairness, language), _missing(fairness, language)]
    told += _differences(fairness, table[table["explained"]], language)
    told.append(_used(fairness, language))
    told += [_recovered(fairness, row, language) for row in _rows(fairness.recovered)]
    told.append(_dropped(fairness, language))
    unequal = table[table["measure"].isin(["selected", "found"]) & table["beyond_chance"]]
    follows = any(_follows(fairness, row) for row in _rows(unequal))
    told.append(words("trade_off", language) if follows else "")
    return tuple(text for text in told if text)


def _differences(fairness: Compared, table: pd.DataFrame, language: str) -> list[str]:
    """A sentence for each attribute and measure: its largest difference, and the other groups."""
    told = []
    for attribute in fairness.attributes:
        for measure in MEASURES:
            rows = table[(table["attribute"] == attribute) & (table["measure"] == measure)]
            if len(rows):
                order = rows["difference"].abs().sort_values(ascending=False, kind="stable").index
                told.append(_difference(fairness, _rows(rows.loc[order]), language))
    return told


def _difference(fairness: Compared, rows: list[dict[Any, Any]], language: str) -> str:
    row, measure = rows[0], str(rows[0]["measure"])
    facts = _facts(fairness, row, language)
    told = fairness.kind == "propensity"
    text = words("group", language, attribute=_named(row, language), level=_level(row, language))
    text += words(measure if told or measure != "selected" else "selected_offer", language, **facts)
    if measure == "selected" and told:
        text += words("explained" if row["explained"] else "unexplained", language, **facts)
    if measure == "found" and _follows(fairness, row):
        text += words("commoner" if row["difference"] > 0 else "rarer", language, **facts)
    for key, way in (("further", 1), ("opposite", -1)):
        others = [one for one in rows[1:] if way * one["difference"] * row["difference"] > 0]
        if others:
            levels = _list([_level(one, language) for one in others], language)
            text += words(key, language, levels=levels)
    return text


def _follows(fairness: Compared, row: dict[Any, Any]) -> bool:
    """Whether the observed rates of a comparison differ in its direction, beyond their interval."""
    observed = _compared(fairness, row, "observed")
    return observed is not None and bool(
        observed["low"] > 0 < row["difference"] or observed["high"] < 0 > row["difference"]
    )


def _facts(fairness: Compared, row: dict[Any, Any], language: str) -> dict[str, str]:
    """What a sentence about one comparison may say."""
    numbers = (row["difference"], row["low"], row["high"])
    if row["measure"] == "auroc":
        value, others = (format_number(row[key], language) for key in ("value", "others"))
        difference = format_interval(numbers, language, "+")
    else:
        value, others = (share_text(row[key], language, 1) for key in ("value", "others"))
        difference = _points(numbers, language)
    facts = {"value": value, "others": others, "difference": difference}
    facts["direction"] = words("high" if row["difference"] > 0 else "low", language)
    observed = _compared(fairness, row, "observed")
    error = _compared(fairness, row, "error")
    if observed and error:
        for end, before in (("value", ""), ("others", "others_")):
            facts[f"{before}observed"] = share_text(observed[end], language, 1)
            facts[f"{before}score"] = share_text(observed[end] + error[end], language, 1)
    return facts


def _points(numbers: tuple[float, float, float], language: str) -> str:
    """A difference of shares with its interval, in percentage points."""
    value, low, high = (amount_text(one, "purchase", language, "+", 1) for one in numbers)
    low, high = low.split()[0], high.split()[0]
    return Message("{value} ({low} to {high})").to(language, value=value, low=low, high=high)


def _compared(fairness: Compared, row: dict[Any, Any], measure: str) -> dict[Any, Any] | None:
    """Another measure of the same group."""
    table = fairness.comparisons
    same = (table["attribute"] == row["attribute"]) & (table["level"] == row["level"])
    found = _rows(table[same & (table["measure"] == measure)])
    return found[0] if found else None


def _extent(fairness: Compared, language: str) -> str:
    """How much was compared."""
    keys = ["attribute", "level"]
    table = fairness.comparisons[fairness.comparisons["p"].notna()]
    groups = table[keys].drop_duplicates().merge(fairness.groups, on=keys)
    if groups.empty:
        return words("unjudged", language)
    key = "compared_one" if len(groups) == 1 else "compared"
    rows = count_text(int(groups["n"].min()), language)
    count = words("difference" if len(table) == 1 else "differences", language, count=len(table))
    return words(key, language, groups=len(groups), differences=count, rows=rows)


def _small(fairness: Compared, language: str) -> str:
    """The groups that were too small, or that leave too few others."""
    table = fairness.groups[fairness.groups["selected_difference"].isna()]
    table = table[table["reason"].ne("") & table["level"].ne(MISSING)]
    if table.empty:
        return ""
    named = [f"{_named(row, language)} {_level(row, language)}" for row in _rows(table)]
    return words("small", language, rows=FEWEST_ROWS, list=_list(named, language))


def _missing(fairness: Compared, language: str) -> str:
    """Of how many customers an attribute is not known."""
    told = [
        f"{_named(row, language)} {share_text(row['n'] / fairness.n_rows, language, 1)}"
        for row in _rows(fairness.groups[fairness.groups["level"] == MISSING])
    ]
    return words("missing", language, list=", ".join(told)) if told else ""


def _used(fairness: Compared, language: str) -> str:
    """Which attributes the model reads."""
    used = fairness.used[fairness.used["share"] > 0]
    if used.empty:
        return words("unused", language)
    ordered = used.sort_values("share", ascending=False, kind="stable")
    told = [
        f"{_named(row, language)} ({_small_share(row['share'], language)})"
        for row in _rows(ordered)
    ]
    return words("little_used", language, list=", ".join(told))


def _recovered(fairness: Compared, row: dict[Any, Any], language: str) -> str:
    """Whether other columns tell an attribute; empty where that was not examined."""
    if not np.isfinite(row["auroc"]):
        return ""
    auroc = format_interval((row["auroc"], row["low"], row["high"]), language)
    best = fairness.stand_ins[fairness.stand_ins["attribute"] == row["attribute"]].head(1)
    key = "recovered" if row["auroc"] >= RECOVERS else "partly"
    if row["auroc"] < PARTLY or best.empty:
        key, stand_in = "hidden", ""
    else:
        stand_in = str(best[f"text_{stored_in(language)}"].iloc[0])
    if not re.search("[“„]", stand_in):
        stand_in = quoted(stand_in, language)
    return words(key, language, text=_named(row, language), auroc=auroc, stand_in=stand_in)


def _dropped(fairness: Compared, language: str) -> str:
    """What the sensitive columns bring in AUROC; empty where that was not examined."""
    table = fairness.dropped[fairness.dropped["metric"] == "auroc"]
    if table.empty or not np.isfinite(table["difference"].iloc[0]):
        return ""
    row = _rows(table)[0]
    verdict = "better_with" if row["low"] > 0 else "better_without" if row["high"] < 0 else "open"
    return words(
        "dropped",
        language,
        metric=METRICS["auroc"].text(language),
        with_=format_number(row["with_"], language),
        without=format_number(row["without"], language),
        difference=format_interval((row["difference"], row["low"], row["high"]), language, "+"),
        verdict=words(verdict, language),
    )


def _named(row: dict[Any, Any], language: str) -> str:
    """An attribute as the store calls it, in quotes; of another column its text."""
    text = str(row[f"text_{stored_in(language)}"])
    found = re.search("[“„].*[”“]", text)
    return found[0] if found else text


def _level(row: dict[Any, Any], language: str) -> str:
    """A group's name, short and in one line."""
    text = " ".join(level_text(str(row["level"]), language).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def _small_share(share: float, language: str) -> str:
    """A share that is not nothing, and does not look so."""
    return (
        f"< {share_text(0.001, language, 1)}" if share < 0.0005 else share_text(share, language, 1)
    )


def _list(names: list[str], language: str) -> str:
    shown, more = names[:_MOST_NAMED], len(names) - _MOST_NAMED
    if more > 0:
        shown.append(words("more", language, count=more))
    return ", ".join(shown)


def _rows(table: pd.DataFrame) -> list[dict[Any, Any]]:
    return table.to_dict("records")
