"""Which attributes of customers are sensitive, and which groups their values make.

A study names them (`sensitive: [age, sex]`); without that, a short list of English and German
words decides, each for a reason in law: see `GROUNDS`. The list is a net with wide meshes, meant to
be overruled by the study: it reads names of columns, not what is in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.language import Message
from neigung.language.numbers import localised

if TYPE_CHECKING:
    from neigung.features.feature import Column

Floats = npt.NDArray[np.float64]

PREFIX = "attribute_"
"""What the names of all features begin with that are an attribute of the store's customers."""

GROUNDS = {
    "age": r"\b(age|ages|alters?|dob|jahrgang)\b|\bage(band|class|group|range)|\balters(gr|kl|st)"
    r"|birth|geburt|geboren",
    "sex": r"\b(sex|anrede|salutation|pronouns?)\b|gender|geschlecht",
    "origin": r"\b(race|herkunft|citizen|migrant|language|sprache)\b|racial|ethni|nationalit"
    r"|citizenship|staatsang|staatsbuerger|migration|mother ?tongue|muttersprache",
    "belief": r"\b(faith|belief|church|kirche|partei)\b|relig|konfession|weltanschauung|kirchenst"
    r"|politic|politisch|trade union|gewerkschaft",
    "health": r"\bhealth\b|disab|handicap|behinder|gesundheit|illness|krankheit|pregnan|schwanger"
    r"|\bgenetic|\bgenetisch|biometri",
    "orientation": r"sexual orientation|sexualorientation|sexuelle|sexual identity",
    "family": r"\b(kids|children|spouse|married|verheiratet)\b|marital|civil status"
    r"|familienstand|family status|\bkids?count|\bkinder(zahl|anzahl)?\b",
    "place": r"\b(plz|land|county|district|city|town|ort|wohnort|stadt)\b|region|country|\bzip"
    r"|^state( code| name)?$|federal state|bundesland|post ?(al|code)|postleit|neighbou?rhood",
    "property": r"\b(income|salary|wealth|gehalt)\b|einkommen|vermoegen",
}
"""Words in the names of attributes that are taken for sensitive, and why.

- age, sex, origin (with language), belief (religion, world view), health (disability),
  orientation: nobody may be treated worse for these in mass contracts, § 1 and § 19 of the German
  AGG, in the Union Directives 2000/43/EC (origin) and 2004/113/EC (sex), and article 21 of its
  Charter of Fundamental Rights. Origin, belief, politics, trade unions, health, genetics,
  biometrics and orientation are also the special categories of article 9 GDPR, which need a legal
  basis of their own.
- family (marital status, children): tells sex and orientation; a forbidden ground of the US Equal
  Credit Opportunity Act.
- place (region, postcode, country): stands in for origin and wealth; § 31 BDSG forbids to score by
  the address alone.
- property (income, wealth): "property" and "social origin" stand in article 21 of the Charter.
"""

MOST_LEVELS = 12
"""So many groups of an attribute are told apart; the rest are "(other)"."""

MISSING, OTHER, IMPLAUSIBLE = "(missing)", "(other)", "(implausible)"
"""Groups of no value of their own."""

_TEXTS = {
    MISSING: Message("(missing)"),
    OTHER: Message.within("group", "(other)"),
    IMPLAUSIBLE: Message("(implausible)"),
}
_AGES = (18, 30, 40, 50, 60, 70)
_OLDEST = 120
_POSTCODE = re.compile(r"\d{4,5}")
_DAYS_A_YEAR = 365.25
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def sensitive_attributes(
    names: Iterable[str], named: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Those of the columns `names` that are sensitive, in their order.

    `named` are the attributes that the study names, as in its table or as columns, possibly none
    at all; None leaves it to the words in `GROUNDS`, which are looked for in attributes only.
    A column that is no attribute can be named, too.

    Raises InputError when there is no column for a name.

    >>> columns = ["order_count_30d", "attribute_age", "attribute_plz", "attribute_card"]
    >>> sensitive_attributes(columns)
    ('attribute_age', 'attribute_plz')
    >>> sensitive_attributes(columns, ["Card"]), sensitive_attributes(columns, [])
    (('attribute_card',), ())
    """
    columns = list(dict.fromkeys(names))
    if named is None:
        return tuple(name for name in columns if name.startswith(PREFIX) and _ground(name))
    found, unknown = set(), []
    for name in named:
        # As features/customers.py makes a column's name of an attribute's.
        made = PREFIX + re.sub(r"\W+", "_", name.lower()).strip("_")
        column = next((one for one in (name, made) if one in columns), None)
        if column is None:
            unknown.append(name)
        else:
            found.add(column)
    if unknown:
        there = [name.removeprefix(PREFIX) for name in columns if name.startswith(PREFIX)]
        raise InputError(
            f"Sensitive attributes must be columns of the customers, but {', '.join(unknown)} "
            f"{'is' if len(unknown) == 1 else 'are'} not among them. There are: "
            f"{', '.join(there) or 'none'}. Correct the study's 'sensitive'."
        )
    return tuple(name for name in columns if name in found)


def levels(values: pd.Series[Any], column: Column) -> pd.Series[Any]:
    """The group that each value (n) of an attribute belongs to, with the index of `values`.

    A Series of dtype `category` whose categories are the groups in reading order. Ages become
    bands of about a decade (also from the days since a birth date; years of birth become decades),
    other numbers quarters of the customers with rounded limits, or stay as they are if there are at
    most 12 different ones. Categories stay as they are, the 12 largest; the rest is "(other)". Of
    postcodes the first digit counts.
    What is missing, or blank, is "(missing)"; an age below 0 or above 120 "(implausible)".

    >>> from neigung.features.feature import Column
    >>> age = Column("attribute_age", "attribute_age", None, "ratio", "attributes", "number", "",
    ...              "")
    >>> levels(pd.Series([17, 18, 71, None, 999]), age).tolist()
    ['0–17', '18–29', '70+', '(missing)', '(implausible)']
    """
    if column.kind == "number":
        labels, order = _bands(values, column)
    else:
        labels, order = _categories(values, _ground(column.name) == "place")
    present = set(labels)
    order = [*order, IMPLAUSIBLE, OTHER, MISSING]
    names = [name for name in dict.fromkeys(order) if name in present]
    return pd.Series(pd.Categorical(labels, names, ordered=True), index=values.index)


def level_text(level: str, language: str = "en") -> str:
    """A group's name for readers.

    >>> level_text("(missing)", "de"), level_text("0.5–1.5", "de"), level_text("v1.5", "de")
    ('(fehlt)', '0,5–1,5', 'v1.5')
    """
    if level in _TEXTS:
        return _TEXTS[level].to(language)
    if re.fullmatch(r"[≤>\s\d.,–−…+]+", level):
        return re.sub(r"\d+\.\d+", lambda number: localised(number[0], language), level)
    return level


def _ground(name: str) -> str | None:
    """Why an attribute of this name is sensitive, None if it is not."""
    text = name.removeprefix(PREFIX).casefold().translate(_UMLAUTS)
    text = " ".join(re.findall(r"[^\W\d_]+", text))
    return next((ground for ground, words in GROUNDS.items() if re.search(words, text)), None)


def _categories(values: pd.Series[Any], places: bool) -> tuple[Any, list[str]]:
    """Labels, and their order: by the number they begin with (19-24, 25-34), else by size."""
    known = pd.Categorical(values)
    names = [_category(value) for value in known.categories]
    if places and len(names) > MOST_LEVELS and all(map(_POSTCODE.fullmatch, names)):
        # A postcode alone has too few customers; its first digit is a part of the country.
        names = [name[0] + "x" * (len(name) - 1) for name in names]
    # Pandas codes a missing value -1, which picks the name at the end.
    names.append(MISSING)
    sizes = np.bincount(known.codes.astype(int) % len(names), minlength=len(names))
    counts: dict[str, int] = {}
    for name, size in zip(names, sizes.tolist(), strict=True):
        counts[name] = counts.get(name, 0) + size
    counts.pop(MISSING)
    largest = sorted(filter(counts.get, counts), key=lambda name: (-counts[name], name))
    kept = {*largest[:MOST_LEVELS], MISSING}
    largest = largest[:MOST_LEVELS]
    labels = np.array([name if name in kept else OTHER for name in names], dtype=object)
    if all(re.search(r"\d", name) for name in largest):
        largest.sort(key=_by_number)
    return labels[known.codes], largest


def _by_number(name: str) -> tuple[int, bool, str]:
    """Sorts "Under 15K" before "15-24K", and that before "100-124K"."""
    return int(re.findall(r"\d{1,15}", name)[0]), name[0].isdigit(), name


def _category(value: Any) -> str:
    text = str(value)
    if not text.strip():
        return MISSING
    # A category that calls itself "(other)" is not to be mixed up with the rest.
    return f"“{text}”" if text in _TEXTS else text


def _bands(values: pd.Series[Any], column: Column) -> tuple[Any, list[str]]:
    """Labels of numbers, and their order."""
    numbers = pd.to_numeric(values.astype(object), errors="coerce").to_numpy(dtype=float)
    known = np.isfinite(numbers)
    labels = np.full(len(numbers), MISSING, dtype=object)
    if not known.any():
        return labels, []
    given = numbers[known]
    distinct = np.unique(given)
    if _ground(column.name) == "age" and column.unit == "days":
        found, order = _ages(given / _DAYS_A_YEAR)
    elif _ground(column.name) == "age" and 1900 <= np.median(given) <= 2100:
        found, order = _decades(given)
    elif _ground(column.name) == "age" and distinct[-1] >= _AGES[0]:
        found, order = _ages(given)
    elif len(distinct) <= MOST_LEVELS:
        order = [_number(value) for value in distinct]
        found = np.array(order, dtype=object)[np.searchsorted(distinct, given)]
    else:
        found, order = _quarters(given)
    labels[known] = found
    return labels, order


def _ages(years: Floats) -> tuple[Any, list[str]]:
    starts = (0, *_AGES)
    names = [f"{low}–{high - 1}" for low, high in zip(starts, _AGES, strict=False)]
    names.append(f"{_AGES[-1]}+")
    found = np.array(names, dtype=object)[np.searchsorted(_AGES, years, side="right")]
    return np.where((years >= 0) & (years <= _OLDEST), found, IMPLAUSIBLE), names


def _decades(years: Floats) -> tuple[Any, list[str]]:
    decades = np.floor(years / 10).astype(int) * 10
    names = {int(start): f"{start}–{start + 9}" for start in np.unique(decades)}
    labels = np.array([names[int(start)] for start in decades], dtype=object)
    return np.where((years >= 1850) & (years <= 2100), labels, IMPLAUSIBLE), list(names.values())


def _quarters(given: Floats) -> tuple[Any, list[str]]:
    """Four bands (low, high] of about equal size, their limits rounded to be read."""
    limits = np.quantile(given, [0.25, 0.5, 0.75])
    width = float(limits[2] - limits[0]) or float(np.ptp(given))
    step = 10.0 ** np.floor(np.log10(width / 5))
    limits = np.unique(np.round(limits / step) * step)
    limits = limits[(limits >= given.min()) & (limits < given.max())]
    if not len(limits):  # nearly all are equal
        limits = np.array([np.median(given)])
        limits = limits if limits[0] < given.max() else np.array([given.min()])
    # Counted things: what follows 12 begins at 13.
    whole = step >= 1 and bool((given == np.round(given)).all())
    between = "–" if limits[0] >= 0 else " … "
    names = [f"≤ {_number(limits[0], step)}"]
    for low, high in pairwise(limits):
        names.append(f"{_number(low + whole, step)}{between}{_number(high, step)}")
    names.append(f"> {_number(limits[-1], step)}")
    return np.array(names, dtype=object)[np.searchsorted(limits, given, side="left")], names


def _number(value: float, step: float = 0) -> str:
    decimals = max(0, -int(np.floor(np.log10(step)))) if step else None
    value += 0.0  # no minus before a zero
    text = f"{value:.6g}" if decimals is None else f"{value:.{decimals}f}"
    text = f"{value:.0f}" if decimals is None and value == round(value) else text
    return text.replace("-", "\N{MINUS SIGN}")
