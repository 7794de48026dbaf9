"""Which table of a profile a name was meant for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping

from neigung.profiles.contract import TABLES, Table
from neigung.profiles.quality_report import Finding


def letters(name: str) -> str:
    """A name without what is written in many ways: case, blanks, hyphens, underscores.

    >>> letters("Order-Lines"), letters(" order_id")
    ('orderlines', 'orderid')
    """
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name)).casefold()


_MEANT = {letters(name).removesuffix("s"): name for name in TABLES}


def meant(name: str) -> str | None:
    """The table that a name was meant for, in any spelling, singular or plural.

    >>> meant("Consents"), meant("order-line"), meant("OrderLines"), meant("stock")
    ('consents', 'order_lines', 'order_lines', None)
    """
    return _MEANT.get(letters(name).removesuffix("s"))


_COPIED = re.compile(
    r"^(?:copy of|kopie von)\s+|"
    r"(?:\s*\(\d+\)|(?:\s*[-_ ]\s*)(?:copy|kopie)(?:\s*\(?\d+\)?)?"
    r"|\s*[(\[][^)\]]*(?:conflict|konflikt)[^)\]]*[)\]]"
    r"|[-_. ]+(?:sync-)?conflict[\w.-]*)+$",
    re.IGNORECASE,
)


def original(name: str) -> str | None:
    """The name of what a copy was made of by a browser, a file manager or a synchronisation.

    >>> original("order_lines (1)"), original("order_lines - Copy"), original("order_lines")
    ('order_lines', 'order_lines', None)
    >>> original("consents (Anna's conflicted copy 2025-01-31)")
    'consents'
    >>> original("consents.sync-conflict-20250131-101500-ABCDEFG")
    'consents'
    """
    without = _COPIED.sub("", name)
    return without if without and without != name else None


def misspelt(names: Iterable[str], wanted: Collection[str]) -> list[Finding]:
    """What is refused of the tables of a database: one of a profile in other letters.

    A singular may be another table there, and is only asked about.
    """
    names = list(names)
    found = []
    for name in names:
        table = meant(name)
        if table and table in wanted and table not in names and letters(name) == letters(table):
            text = (
                f"{table}: the table {name} is not read, as it is called {table}. Rename it, or "
                f"make a view {table} of it."
            )
            found.append(Finding("refused", table, text))
    return found


def plain(name: str) -> str:
    """A column's name in small letters with underscores.

    >>> plain(" Order-ID "), plain("Customer Id")
    ('order_id', 'customer_id')
    """
    name = unicodedata.normalize("NFKC", name).strip("\ufeff \t\r\n\"'")
    return "_".join(name.lower().replace("-", " ").split())


def column_names(table: Table, names: Collection[str]) -> dict[str, str]:
    """The columns of the contract that are there in other letters, by the names they have.

    >>> column_names(TABLES["returns"], [" order_id", "Customer_ID", "value", "Value", "size"])
    {'Customer_ID': 'customer_id', ' order_id': 'order_id'}
    """
    found: dict[str, str] = {}
    for column in table.columns:
        like = [name for name in names if plain(name) == column.name]
        if len(like) == 1 and column.name not in names:
            found[like[0]] = column.name
    return found


def renamed(table: Table, names: Mapping[str, str]) -> list[Finding]:
    """What is said of columns in other letters."""
    if not names:
        return []
    told = ", ".join(f"{old!r} as {new}" for old, new in names.items())
    return [Finding("mended", table.name, f"{table.name}: columns were read by name: {told}.")]
