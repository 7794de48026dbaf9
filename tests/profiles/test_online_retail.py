"""UCI Online Retail as a profile store: on made-up invoices, and on the real file."""

from pathlib import Path

import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.profiles.online_retail import import_online_retail
from neigung.profiles.store import Profiles

REAL = Path(__file__).parents[3] / "shared/data/online_retail/online_retail.parquet"

ROWS = [
    ("1", "A", "tea", 2, "2011-01-10 09:00", 1.5, 7.0, "France"),
    ("2", "A", "tea", 1, "2011-06-10 09:00", 1.5, 7.0, "Spain"),
    ("C3", "A", "tea", -1, "2011-06-11 09:00", 1.5, 7.0, "Spain"),
    ("C4", "B", "pot", -1, "2011-06-11 09:00", 9.0, 7.0, "France"),
    ("5", "B", "pot", 1, "2011-06-12 09:00", 9.0, None, "Spain"),
    ("6", "B", "lost", -3, "2011-06-12 09:00", 9.0, 8.0, "Spain"),
    ("7", "B", "gift", 1, "2011-06-12 09:00", 0.0, 8.0, "Spain"),
]


@pytest.fixture
def source() -> pd.DataFrame:
    columns = "InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country"
    frame = pd.DataFrame(ROWS, columns=columns.split())
    return frame.assign(InvoiceDate=pd.to_datetime(frame.InvoiceDate))


def imported(source: pd.DataFrame, folder: Path) -> Profiles:
    source.to_parquet(folder / "in.parquet")
    import_online_retail(folder / "in.parquet", folder / "out")
    return Profiles.open(folder / "out")


def refused(file: Path) -> str:
    with pytest.raises(InputError) as error:
        import_online_retail(file, file.parent / "out")
    assert not (file.parent / "out").exists()
    return str(error.value)


def test_tables(tmp_path: Path, source: pd.DataFrame) -> None:
    profiles = imported(source, tmp_path)
    lines = profiles.table("order_lines").to_pandas()
    assert lines.customer_id.tolist() == ["7", "7"]
    assert lines.net_value.astype(float).tolist() == [3.0, 1.5]
    # London is an hour ahead of UTC in June, not in January
    assert lines.occurred_at.tolist() == [
        pd.Timestamp("2011-01-10 09:00"),
        pd.Timestamp("2011-06-10 08:00"),
    ]
    returns = profiles.table("returns").to_pandas()
    assert returns.order_id.tolist() == ["2", "C4"]
    assert returns.value.astype(float).tolist() == [1.5, 9.0]
    versions = profiles.table("customers").to_pandas()
    assert versions.country.tolist() == ["France", "Spain", "France"]
    assert versions.occurred_at.tolist()[:2] == lines.occurred_at.tolist()


def test_what_was_set_aside(tmp_path: Path, source: pd.DataFrame) -> None:
    source.to_parquet(tmp_path / "in.parquet")
    result = import_online_retail(tmp_path / "in.parquet", tmp_path / "out")
    assert list(result.set_aside.values()) == [1, 1, 1]
    assert "lines without a customer: 1" in result.summary


@pytest.mark.parametrize("dates", ["%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M:%S"])
def test_csv_is_the_same(tmp_path: Path, source: pd.DataFrame, dates: str) -> None:
    digest = imported(source, tmp_path).digest()
    text = source.assign(InvoiceDate=source.InvoiceDate.dt.strftime(dates))
    for encoding in ("utf-8", "cp1252"):
        text.to_csv(tmp_path / "in.csv", index=False, encoding=encoding)
        import_online_retail(tmp_path / "in.csv", tmp_path / "out")
        assert Profiles.open(tmp_path / "out").digest() == digest


def test_hours_that_the_clock_repeats_or_skips(tmp_path: Path, source: pd.DataFrame) -> None:
    times = ["2011-03-27 01:30", "2011-10-30 01:30", *["2011-11-01 00:00"] * 5]
    profiles = imported(source.assign(InvoiceDate=pd.to_datetime(times)), tmp_path)
    assert profiles.table("order_lines").occurred_at.to_pandas().tolist() == [
        pd.Timestamp("2011-03-27 01:00"),
        pd.Timestamp("2011-10-30 01:30"),
    ]


def test_bad_input(tmp_path: Path, source: pd.DataFrame) -> None:
    file = tmp_path / "in.parquet"
    assert "but there is no file" in refused(file)
    (tmp_path / "in.xlsx").touch()
    assert "Save a spreadsheet as CSV first" in refused(tmp_path / "in.xlsx")
    file.write_bytes(b"PAR1 no")
    assert "in.parquet cannot be read: " in refused(file)
    source.drop(columns="Country").to_parquet(file)
    assert "needs the columns Country, but has InvoiceNo, StockCode" in refused(file)
    source.astype({"UnitPrice": object}).assign(UnitPrice="free").to_parquet(file)
    assert "UnitPrice must be filled and of its kind, but 7 of 7 rows break this" in refused(file)
    source.assign(InvoiceDate="sometime").to_parquet(file)
    assert "InvoiceDate must be filled" in refused(file)
    source.assign(CustomerID=None).to_parquet(file)
    assert "no order line is left once 7 lines are set aside" in refused(file)


@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL.name} is not there")
def test_the_real_data(tmp_path: Path) -> None:
    result = import_online_retail(REAL, tmp_path / "out")
    assert result.rows == {"order_lines": 397_884, "returns": 8_905, "customers": 4_387}
    assert result.set_aside["lines without a customer"] == 135_080
    assert Profiles.open(tmp_path / "out").customers() == 4_338
