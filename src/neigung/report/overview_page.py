"""The overview of all studies: each version with verdict, number, review and link, on one page.

It is made from plain data, such as the tags of registered versions, not from the models: hundreds
of versions are quickly told.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import yaml

from neigung.evaluation.metric import ALL_METRICS
from neigung.evaluation.propensity.baselines import baseline_text
from neigung.features.feature import Language
from neigung.language import Message, translated
from neigung.language.intervals import (
    amount_text,
    exactness,
    format_interval,
    interval_text,
    policy_text,
)
from neigung.language.numbers import count_text, date_text, localised
from neigung.report.page import capital, picture, render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 10
"""So many versions of a study are seen at once; older ones are folded."""
_LONGEST_NOTE = 160
_MOST_LINES = 12
"""More tests than these would be a fence of lines."""
_FEW = 30
"""Up to so many versions, each has room for a large dot and a full line."""
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#6B6B6B"
# Of a verdict: the icon of the lights, and the colour of the words.
_STATUS = {"fit": ("good", "good"), "care": ("care", "open"), "not_fit": ("bad", "bad")}


@dataclass(frozen=True, kw_only=True)
class ListedReview:
    """The newest review of a version; `stale` if it approved another report or artefact."""

    approved: bool
    by: str
    note: str
    at: dt.datetime
    stale: bool = False


@dataclass(frozen=True, kw_only=True)
class ListedVersion:
    """What the overview says of a version.

    `fitness` is fit, care or not_fit, or empty where nobody judged; `value` with `low` and `high`
    is the acceptance `metric` on the test, `baseline_value` that of the `baseline` that did best;
    `unit` is that of offers (purchase, value or margin), else empty. Versions with the same `test`
    saw the same test; `tested` is its cutoff. `report` is the page's place beside the overview,
    None where there is none; `report_state` is checked, unchecked, missing or changed.
    """

    number: int
    created: dt.datetime
    fitness: str = ""
    metric: str = ""
    unit: str = ""
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    baseline: str = ""
    baseline_value: float = math.nan
    test: tuple[str, ...] = ()
    tested: dt.datetime | None = None
    aliases: tuple[str, ...] = ()
    review: ListedReview | None = None
    report: str | None = None
    report_state: str = "missing"


@dataclass(frozen=True, kw_only=True)
class ListedStudy:
    """A study with its versions, oldest first; `target` is its kind."""

    name: str
    target: str
    versions: tuple[ListedVersion, ...]

    @property
    def champion(self) -> ListedVersion | None:
        """The version that is scored with and served."""
        return next((one for one in self.versions if "champion" in one.aliases), None)

    @property
    def metric(self) -> str:
        """What the newest version was judged by."""
        return self.versions[-1].metric

    def tests(self) -> dict[tuple[str, ...], int]:
        """The different tests, numbered in the order of the versions."""
        kinds = dict.fromkeys(one.test for one in self.versions)
        return {test: number for number, test in enumerate(kinds, 1)}

    def measured(self) -> list[ListedVersion]:
        """The versions whose numbers can stand on one axis."""
        return [
            one
            for one in self.versions
            if one.metric and one.metric == self.metric and math.isfinite(one.value)
        ]


def build_overview(
    studies: Sequence[ListedStudy], at: dt.datetime, language: Language = "en"
) -> str:
    """One HTML page about all studies, without any request; `at` is when they stood so, UTC.

    >>> version = ListedVersion(number=1, created=dt.datetime(2026, 1, 2), fitness="care")
    >>> study = ListedStudy(name="purchase_7d", target="purchase", versions=(version,))
    >>> page = build_overview([study], dt.datetime(2026, 2, 1), "de")
    >>> "Mit Vorsicht einsetzbar" in page, "Noch kein Champion" in page
    (True, True)
    """
    from markupsafe import Markup

    t = _texts(language)
    parts = [_Part(study, t, language) for study in studies]
    versions = sum(len(study.versions) for study in studies)
    own = resources.files("neigung.report").joinpath("templates/overview.css").read_text()
    return render(
        "overview.html.j2",
        t=t,
        language=language,
        capital=capital,
        own_style=Markup(own),
        own_allowed=f"'sha256-{base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()}'",
        lead=t["lead"].format(
            studies=_counted(len(studies), "studies", t, language),
            versions=_counted(versions, "versions", t, language),
            at=_moment(at, language),
        ),
        calm="nothing_needed" if any(one.champion for one in studies) else "no_champions",
        looks=[(part.study.name, part.anchor, look) for part in parts for look in part.looks()],
        studies=[part.context() for part in parts],
    )


def plot_trend(study: ListedStudy, language: Language = "en") -> Figure:
    """The acceptance metric over the versions, with intervals, beside the best baselines.

    Versions with the same test are joined by a line; between different tests stands a dotted one.
    The figure is small enough to be read on a phone.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    class Places(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return localised(str(super().__call__(x, pos)), language)

    shown, tests = study.measured(), study.tests()
    points = shown[-1].unit == "purchase"  # told in percentage points, as in the table
    if points:
        keys = ("value", "low", "high", "baseline_value")
        shown = [replace(one, **{key: 100 * getattr(one, key) for key in keys}) for one in shown]
    figure = Figure(figsize=(4.4, 2.3), layout="constrained")
    axes = figure.subplots()
    few = len(shown) <= _FEW
    for test in tests:
        mine = [one for one in shown if one.test == test]
        x = [one.number for one in mine]
        axes.plot(x, [one.value for one in mine], color=_BLUE, linewidth=1, alpha=0.5)
        low, high = [one.low for one in mine], [one.high for one in mine]
        axes.vlines(x, low, high, color=_BLUE, linewidth=1.3, alpha=1 if few else 0.4)
    x = [one.number for one in shown]
    size = 4.5 if few else 3
    axes.plot(x, [one.value for one in shown], "o", color=_BLUE, markersize=size)
    beside = [one.baseline_value for one in shown]
    axes.plot(x, beside, "_", color=_GREY, markersize=2 * size, markeredgewidth=1.6)
    for one in shown:
        if study.champion is not None and one.number == study.champion.number:
            ring: dict[str, Any] = {"mfc": "none", "markersize": 11, "mew": 1.8}
            axes.plot(one.number, one.value, "o", color=_ORANGE, **ring)
    for at in _breaks(shown):
        axes.axvline(at, color=_GREY, linestyle=":", linewidth=1)
    axes.set_xlim(x[0] - 0.6, x[-1] + 0.6)
    axes.set_xlabel(_texts(language)["axis_version"], fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.locator_params(axis="y", nbins=4)
    axes.yaxis.set_major_formatter(Places(useOffset=False))
    if points:
        axes.set_ylabel(_texts(language)["points"], fontsize=9)
    axes.tick_params(labelsize=9)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


class _Part:
    """One study in one language."""

    def __init__(self, study: ListedStudy, t: Mapping[str, Any], language: Language) -> None:
        self.study, self.t = study, t
        self.language: Language = language
        self.anchor = f"study-{hashlib.sha256(study.name.encode()).hexdigest()[:12]}"
        self.tests = study.tests()

    def context(self) -> dict[str, Any]:
        """What the template shows of the study."""
        newest_first = self.study.versions[::-1]
        champion, newest = self.study.champion, newest_first[0]
        older = newest_first[SHOWN:]
        return {
            "name": self.study.name,
            "anchor": self.anchor,
            "target": self.t["targets"].get(self.study.target, self.study.target),
            "champion": champion and self.row(champion),
            "newest": None if newest is champion else self.row(newest),
            "heads": self.heads(),
            "trend": self.trend(),
            "notes": self.notes(),
            "rows": [self.row(one) for one in newest_first[:SHOWN]],
            "older": [self.row(one) for one in older],
            "caption": self.t["versions_caption"].format(study=self.study.name),
            "older_caption": self.t["older_caption"].format(study=self.study.name),
            "older_show": self.t["older_show"].format(count=len(older)),
        }

    def heads(self) -> list[str]:
        """The names of the columns."""
        metric = capital(self.metric(self.study.metric))
        value = self.t["head_value"].format(metric=metric) if metric else self.t["head_plain"]
        keys = ("version", "verdict", "", "baseline", "test", "review", "report")
        return [str(self.t[f"head_{key}"]) if key else value for key in keys]

    def looks(self) -> list[str]:
        """What somebody should see to, in words."""
        found: list[tuple[str, ListedVersion]] = []
        champion = self.study.champion
        if champion is not None:
            signed = champion.review
            if champion.fitness == "not_fit":
                found.append(("look_not_fit", champion))
            elif champion.fitness not in _STATUS:
                found.append(("look_unjudged", champion))
            if signed is not None and signed.stale:
                found.append(("look_stale", champion))
            elif signed is not None and not signed.approved:
                found.append(("look_rejected", champion))
        found += [
            ("look_changed", one) for one in self.study.versions if one.report_state == "changed"
        ]
        return [
            str(self.t[key]).format(version=one.number, by=one.review.by if one.review else "")
            for key, one in found
        ]

    def row(self, one: ListedVersion) -> dict[str, Any]:
        """A version as the tables show it."""
        status, colour = _STATUS.get(one.fitness, ("unknown", "soft"))
        known = one.fitness if one.fitness in _STATUS else "unknown"
        test = self.t["test"].format(number=self.tests[one.test])
        value, _, interval = self.number(one, one.value, one.low, one.high).partition(" (")
        return {
            "number": one.number,
            "aliases": [(name, self.t.get(name, name)) for name in one.aliases],
            "status": status,
            "colour": colour,
            "verdict": self.t["fitness"][known],
            "metric": "" if one.metric == self.study.metric else self.metric(one.metric),
            "value": value,
            "interval": interval.rstrip(")"),
            "baseline": self.beside(one),
            "told": self.told(one),
            "baseline_name": self.baseline(one),
            "test": test if one.test else "–",
            "tested": "" if one.tested is None else date_text(one.tested, self.language),
            "created": date_text(one.created, self.language),
            "review": self.review(one.review),
            "report": one.report,
            "report_state": one.report_state,
            "read_of": self.t["read_of"].format(study=self.study.name, number=one.number),
        }

    def review(self, one: ListedReview | None) -> dict[str, Any]:
        """Who reviewed a version and how."""
        if one is None:
            return {"status": "", "word": self.t["not_reviewed"], "note": ""}
        note = " ".join(one.note.split())
        return {
            "status": "bad" if not one.approved else "care" if one.stale else "good",
            "colour": "bad" if not one.approved else "open" if one.stale else "good",
            "word": self.t["approved" if one.approved else "rejected"],
            "by": one.by,
            "at": date_text(one.at, self.language),
            "note": note if len(note) <= _LONGEST_NOTE else note[: _LONGEST_NOTE - 1] + "…",
            "stale": one.stale,
        }

    def trend(self) -> dict[str, Any] | None:
        """The small picture; None for fewer than two numbers."""
        shown = self.study.measured()
        if len(shown) < 2:
            return None
        metric = self.metric(self.study.metric)
        alt = self.t["alt_trend"].format(
            metric=capital(metric), first=shown[0].number, last=shown[-1].number
        )
        known = ALL_METRICS.get(self.study.metric)
        direction = self.t["higher" if known is None or known.higher_is_better else "lower"]
        return {
            "picture": picture(plot_trend(self.study, self.language), alt),
            "title": self.t["trend"].format(metric=metric),
            "say": self.t["trend_say"].format(direction=direction),
        }

    def notes(self) -> list[str]:
        """Which of the numbers can be compared."""
        if len(self.study.versions) < 2:
            return []
        count = len(self.tests)
        drawn = bool(_breaks(self.study.measured()))
        key = "same_test" if count == 1 else "other_tests" if drawn else "other_tests_plain"
        found = [str(self.t[key]).format(count=count)]
        if any(one.metric and one.metric != self.study.metric for one in self.study.versions):
            found.append(str(self.t["other_metric"]))
        return found

    def metric(self, name: str) -> str:
        """A metric for readers; one that is not known stays as it is."""
        return ALL_METRICS[name].text(self.language) if name in ALL_METRICS else name

    def told(self, one: ListedVersion) -> str:
        """A version's number beside the best baseline's, in a line."""
        if not math.isfinite(one.value):
            return ""
        value = self.number(one, one.value, one.low, one.high)
        metric = capital(self.metric(one.metric))
        told = self.t["beside"].format(metric=metric, value=value, baseline=self.beside(one))
        return str(told)

    def beside(self, one: ListedVersion) -> str:
        """The best baseline's number, as exact as the version's own."""
        if not one.unit or not one.high > one.low:
            return self.number(one, one.baseline_value)
        decimals = exactness((one.high - one.low) / 2, one.unit)
        return amount_text(one.baseline_value, one.unit, self.language, decimals=decimals)

    def baseline(self, one: ListedVersion) -> str:
        """The best baseline for readers."""
        return (policy_text if one.unit else baseline_text)(one.baseline, self.language)

    def number(
        self, one: ListedVersion, value: float, low: float = math.nan, high: float = math.nan
    ) -> str:
        """A value of a version's metric, with its interval if there is one."""
        if one.unit:
            return interval_text((value, low, high), one.unit, self.language)
        return format_interval((value, low, high), self.language)


def _breaks(shown: Sequence[ListedVersion]) -> list[float]:
    """Between which versions the test changed; nothing where that would be a fence of lines."""
    found = [(a.number + b.number) / 2 for a, b in pairwise(shown) if a.test != b.test]
    return found if len(found) <= _MOST_LINES else []


def _counted(count: int, what: str, t: Mapping[str, Any], language: Language) -> str:
    key = f"{what}_{'one' if count == 1 else 'many'}"
    return str(t[key]).format(count=count_text(count, language))


def _moment(at: dt.datetime, language: Language) -> str:
    return Message("{day:date} {time}").to(language, day=at, time=f"{at:%H:%M}")


def _texts(language: Language) -> dict[str, Any]:
    words: dict[str, Any] = translated(_all_texts(), language)
    return words


@cache
def _all_texts() -> dict[str, Any]:
    file = resources.files("neigung.report").joinpath("templates/overview.yaml")
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found
