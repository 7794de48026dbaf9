"""UCI Online Retail: a year of a British online gift shop, as a profile store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from neigung.errors import InputError
from neigung.profiles.writer import ImportResult, check_free, write_store

IMPORTER = "online-retail"

COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
"""The columns of the source."""


def import_online_retail(file: str | Path, out: str | Path) -> ImportResult:
    """Write the UCI Online Retail data in `file` (Parquet or CSV) as a profile store into `out`.

    - `order_lines`: invoice lines. `net_value` is quantity times unit price, in pounds.
    - `returns`: lines of invoices that begin with C (cancellations), with a positive value.
      `order_id` is the customer's latest earlier order of the same product, where there is one,
      else the cancellation's own number.
    - `customers`: the country, from the first invoice that names it.

    Set aside and counted: lines without a customer, lines with a quantity of 0 or less that are
    no cancellation (stock corrections), and lines with a price of 0 or less.
    Times are those of the shop (Europe/London) and become UTC.

    Raises InputError when `file` cannot be read, lacks a column or holds values of a wrong kind,
    or when `out` holds something else. The same file gives the same bytes.
    """
    out = Path(out)
    check_free(out, IMPORTER)
    tables, set_aside = online_retail_tables(_read(Path(file)), str(file))
    return write_store(out, tables, IMPORTER, set_aside)


def online_retail_tables(
    source: pd.DataFrame, name: str = "The source"
) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    """The tables of the contract from a frame of the source's columns, and what was set aside."""
    lines = _typed(source, name)
    cancelled = lines.order_id.str.upper().str.startswith("C")
    unknown = lines.customer_id.isna()
    corrections = ~unknown & ~cancelled & (lines.quantity <= 0)
    unpriced = ~unknown & ~corrections & (lines.price <= 0)
    set_aside = {
        "lines without a customer": int(unknown.sum()),
        "other lines with a quantity of 0 or less, no cancellation": int(corrections.sum()),
        "other lines with a price of 0 or less": int(unpriced.sum()),
    }
    kept = ~(unknown | corrections | unpriced)
    orders, returns = lines[kept & ~cancelled], lines[kept & cancelled]
    if orders.empty:
        raise InputError(
            f"{name}: no order line is left once {sum(set_aside.values()):,} lines are set aside "
            f"({'; '.join(f'{rows:,} {why}' for why, rows in set_aside.items())}). "
            "Check that this is the Online Retail data."
        )
    tables = {
        "order_lines": pd.DataFrame(
            {
                "customer_id": orders.customer_id,
                "order_id": orders.order_id,
                "occurred_at": orders.occurred_at,
                "net_value": (orders.quantity * orders.price).round(4),
                "quantity": orders.quantity,
                "product_id": orders.product_id,
                "channel": "web",
                "description": orders.description,
            }
        ),
        "returns": _returns(returns, orders),
        "customers": _customers(lines[kept]),
    }
    return {name: table for name, table in tables.items() if len(table)}, set_aside


def _read(file: Path) -> pd.DataFrame:
    if not file.is_file():
        raise InputError(f"The Online Retail data were expected in {file}, but there is no file.")
    suffix = "".join(file.suffixes[-2:]).lower() if file.suffix == ".gz" else file.suffix.lower()
    if suffix not in (".parquet", ".csv", ".csv.gz"):
        raise InputError(
            f"The Online Retail data are read from Parquet or CSV, but {file.name} is neither. "
            "Save a spreadsheet as CSV first."
        )
    try:
        if suffix == ".parquet":
            return pd.read_parquet(file)
        try:
            return pd.read_csv(file, dtype=str)
        except UnicodeDecodeError:
            # The copies of these data in circulation are written in the Western encoding.
            return pd.read_csv(file, dtype=str, encoding="cp1252")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file} cannot be read: {str(error).strip().splitlines()[0]}. Fetch the file anew."
        ) from error


def _typed(source: pd.DataFrame, name: str) -> pd.DataFrame:
    missing = [column for column in COLUMNS if column not in source.columns]
    if missing:
        raise InputError(
            f"{name}: needs the columns {', '.join(missing)}, but has "
            f"{', '.join(map(str, source.columns))}. Rename or add them."
        )
    customer = source.CustomerID.astype("string").str.strip().str.replace(r"\.0$", "", regex=True)
    lines = pd.DataFrame(
        {
            "customer_id": customer.mask(customer == ""),
            "order_id": source.InvoiceNo.astype("string").str.strip(),
            "product_id": source.StockCode.astype("string").str.strip(),
            "description": source.Description.astype("string").str.strip(),
            "country": source.Country.astype("string").str.strip(),
            "quantity": pd.to_numeric(source.Quantity, errors="coerce"),
            "price": pd.to_numeric(source.UnitPrice, errors="coerce"),
            "occurred_at": _times(source.InvoiceDate),
        }
    )
    for column, given in {
        "order_id": "InvoiceNo",
        "quantity": "Quantity",
        "price": "UnitPrice",
        "occurred_at": "InvoiceDate",
    }.items():
        bad = lines[column].isna()
        if bad.any():
            row = int(np.argmax(bad.to_numpy()))
            raise InputError(
                f"{name}: {given} must be filled and of its kind, but {int(bad.sum()):,} of "
                f"{len(lines):,} rows break this, for example row {row + 1:,}: "
                f"{source[given].iloc[row]!r}. Mend or leave out such rows."
            )
    return lines


def _times(given: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(given):
        times = given
    else:
        # CSV copies of these data write 12/1/2010 8:26, month first.
        times = pd.to_datetime(given, format="ISO8601", errors="coerce").fillna(
            pd.to_datetime(given, format="%m/%d/%Y %H:%M", errors="coerce")
        )
    if times.dt.tz is None:
        # The hour that a year has twice counts as its second, the one that it lacks as the next.
        winter = np.zeros(len(times), dtype=bool)
        times = times.dt.tz_localize("Europe/London", ambiguous=winter, nonexistent="shift_forward")
    utc: pd.Series = times.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]")
    return utc


def _returns(returns: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    by = ["customer_id", "product_id"]
    matched = pd.merge_asof(
        returns.reset_index().sort_values(["occurred_at", "index"]),
        orders[["occurred_at", "order_id", *by]].sort_values("occurred_at", kind="stable"),
        on="occurred_at",
        by=by,
        suffixes=("", "_before"),
    ).sort_values("index")
    return pd.DataFrame(
        {
            "customer_id": matched.customer_id,
            "order_id": matched.order_id_before.fillna(matched.order_id),
            "occurred_at": matched.occurred_at,
            "value": (matched.quantity * matched.price).abs().round(4),
            "product_id": matched.product_id,
            "reason": "cancellation",
            "return_id": matched.order_id,
        }
    )


def _customers(lines: pd.DataFrame) -> pd.DataFrame:
    named = lines[lines.country.notna() & (lines.country != "")]
    named = named.sort_values(["customer_id", "occurred_at", "order_id"], kind="stable")
    # A version begins where the country is not that of the customer's line before.
    before = named.groupby("customer_id").country.shift().fillna("")
    changed = named.country != before
    return named.loc[changed, ["customer_id", "occurred_at", "country"]]
