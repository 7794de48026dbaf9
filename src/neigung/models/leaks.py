"""Features that hold what came after the cutoff, as far as their values prove it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from neigung.errors import StudyError
from neigung.features.customers import attribute_name
from neigung.features.feature import Column
from neigung.language import Message
from neigung.models.dataset import Dataset
from neigung.profiles.hindsight import hindsight
from neigung.profiles.store import Profiles
from neigung.study import Study

MISTYPED = 0.001
"""Up to this share of the rows, dates after the cutoff are taken for mistakes."""


@dataclass(frozen=True)
class Leak:
    """A column of a model that holds the future: its name and why.

    The text is a part of a sentence, with count and example.
    """

    column: str
    text: Message


def certain_leaks(study: Study, profiles: Profiles, dataset: Dataset) -> tuple[Leak, ...]:
    """The leaks among the columns that the model will read, but for what the study declares.

    A date of a customer that lies after the cutoff, and an attribute that agrees with all of the
    customer's orders although it counts as known before the last of them.
    """
    found = {leak.column: leak for leak in future_dates(dataset)}
    read = {column.name for column in dataset.columns}
    for one in hindsight(profiles.tables):
        name = attribute_name(one.column)
        if name in read and name not in found:
            found[name] = Leak(name, one.text)
    return tuple(leak for name, leak in found.items() if name not in declared(study, dataset))


def future_dates(dataset: Dataset) -> list[Leak]:
    """Dates of customers that lie after the cutoff at which they are read.

    >>> from neigung.features.feature import Column
    >>> column = Column("attribute_last", "attribute_last", None, "days", "attributes", "number",
    ...     "Days since attribute “last”.", "Tage seit Merkmal „last“.")
    >>> frame = pd.DataFrame({"customer_id": ["a", "b"], "cutoff": pd.Timestamp("2025-06-01"),
    ...     "attribute_last": [30.0, -4.5]})
    >>> print(future_dates(Dataset(frame, (column,)))[0].text)
    attribute_last lies after the cutoff in 1 of 2 rows (such as 2025-06-05 after 2025-06-01)
    """
    leaks = []
    for column in dataset.columns:
        if not is_date_of_customer(column):
            continue
        days = dataset.frame[column.name]
        later = days < 0
        if later.sum() <= MISTYPED * len(days):
            continue
        row = dataset.frame[later].iloc[0]
        at = row["cutoff"] - pd.Timedelta(days=float(row[column.name]))
        # The example is without a customer, as it goes into the report.
        text = Message(
            "{column} lies after the cutoff in {count:,} of {rows:,} rows (such as {day} after "
            "{cutoff})",
            column=column.name,
            count=int(later.sum()),
            rows=len(days),
            day=f"{at:%Y-%m-%d}",
            cutoff=f"{row['cutoff']:%Y-%m-%d}",
        )
        leaks.append(Leak(column.name, text))
    return leaks


def is_date_of_customer(column: Column) -> bool:
    """Whether a column is an attribute that counts the days since a date."""
    return column.theme == "attributes" and column.kind == "number" and column.unit == "days"


def declared(study: Study, dataset: Dataset) -> Mapping[str, str]:
    """The columns of which the study says that they are known in advance, and why.

    Raises StudyError for a name that is neither an attribute of customers nor a feature.
    """
    there = {column.name: column.feature for column in dataset.columns}
    reasons: dict[str, str] = {}
    for name, why in study.known_in_advance.items():
        meant = [one for one in there if name in (one, there[one]) or one == attribute_name(name)]
        if not meant and name not in dataset.frame and attribute_name(name) not in dataset.frame:
            close = difflib.get_close_matches(name, [*there, *there.values()], n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise StudyError(
                f"Study {study.name}: known_in_advance names '{name}', which is no feature of the "
                f"model and no attribute of customers.{hint} Mend or drop the name."
            )
        reasons |= dict.fromkeys(meant, why)
    return reasons
