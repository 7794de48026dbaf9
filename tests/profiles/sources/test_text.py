"""Exports as text: encodings, delimiters, headers, and what is told of numbers and dates."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pandas as pd
import pytest

from neigung.errors import ProfileError
from neigung.profiles.quality_report import Finding
from neigung.profiles.sources.options import Reading
from neigung.profiles.store import Profiles

HEADER = "customer_id,order_id,occurred_at,net_value,category\n"
PLAIN = f"{HEADER}1,a,2024-01-05,12.50,Käse\n2,b,2024-01-06,3,Tee\n"


def opened(folder: Path, content: bytes | str, name: str = "order_lines.csv") -> pd.DataFrame:
    if isinstance(content, str):
        content = content.encode()
    (folder / name).write_bytes(content)
    found: pd.DataFrame = Profiles.open(folder).table("order_lines").to_pandas()
    return found


def refusal(folder: Path, content: bytes | str, name: str = "order_lines.csv") -> str:
    with pytest.raises(ProfileError) as error:
        opened(folder, content, name)
    return str(error.value)


def options(folder: Path, text: str) -> None:
    (folder / "tables.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_what_is_certain_is_read(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = opened(tmp_path, PLAIN.replace(",", delimiter).encode(encoding))
    assert rows.category.tolist() == ["Käse", "Tee"]
    assert rows.net_value.astype(float).tolist() == [12.5, 3]


@pytest.mark.parametrize(
    ("encoding", "part"),
    [
        ("windows-1252", "order_lines: {encoding: windows-1252}"),
        ("utf-16-le", "order_lines: {encoding: utf-16-le}"),
        ("utf-16-be", "order_lines: {encoding: utf-16-be}"),
    ],
)
def test_another_encoding_is_proposed_and_then_read(
    tmp_path: Path, encoding: str, part: str
) -> None:
    content = PLAIN.encode(encoding)
    text = refusal(tmp_path, content)
    assert part in text
    options(tmp_path, part)
    assert opened(tmp_path, content).category.tolist() == ["Käse", "Tee"]


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_another_encoding_late_in_a_large_file(tmp_path: Path, ending: str) -> None:
    rows = "".join(f"{i},o{i},2024-01-05,1.5,tea\n" for i in range(20_000))
    content = (HEADER + rows).encode() + "x,ox,2024-01-05,2,Käse\n".encode("cp1252")
    if ending:
        content = gzip.compress(content)
    text = refusal(tmp_path, content, f"order_lines.csv{ending}")
    assert "Käse' is right (windows-1252)" in text
    options(tmp_path, "all: {encoding: windows-1252}")
    found = opened(tmp_path, content, f"order_lines.csv{ending}")
    assert (len(found), found.category.iloc[-1]) == (20_001, "Käse")


def test_parts_that_are_packed_otherwise(tmp_path: Path) -> None:
    folder = tmp_path / "order_lines"
    folder.mkdir()
    (folder / "0.csv").write_text(PLAIN)
    (folder / "1.CSV.GZ").write_bytes(gzip.compress(PLAIN.replace(",", ";").encode()))
    (folder / "2.tsv").write_bytes(PLAIN.replace(",", "\t").encode("utf-16"))
    (folder / "3.csv").write_text("occurred_at,customer_id,order_id,net_value\n2024-02-01,9,z,1\n")
    profiles = Profiles.open(tmp_path)
    rows = profiles.table("order_lines").to_pandas()
    assert rows.order_id.tolist() == ["a", "b"] * 3 + ["z"]
    assert rows.category.tolist()[:6] == ["Käse", "Tee"] * 3
    assert [one.severity for one in profiles.said if "1 of 4 files have not" in one.text] == [
        "warn"
    ]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (PLAIN[:-6], "Expected Number of Columns: 5 Found: 4"),
        (PLAIN + '3,c,2024-01-05,1,"tea\n', "Value with unterminated quote"),
        (PLAIN.replace("Tee", "T\0e"), "NUL bytes"),
        (HEADER, "order_lines: needs rows, but is empty"),
        (" \n\n", "holds nothing but blank lines"),
        (PLAIN.replace("category", "Net_Value"), "net_value stands in the header more than once"),
        (PLAIN.replace("order_id", "ORDER-ID").replace("category", "order id"), "order_id"),
        ("Export vom 01.02.2024\n\n" + PLAIN, "order_lines: {skip: 2}"),
        (PLAIN + ",,,15.5,\n", "customer_id must be filled"),
        (gzip.compress(PLAIN.encode() * 999)[:-90], "cannot be read"),
    ],
)
def test_what_cannot_be_trusted_is_refused(tmp_path: Path, content: bytes | str, part: str) -> None:
    name = "order_lines.csv" if isinstance(content, str) else "order_lines.csv.gz"
    assert part in refusal(tmp_path, content, name)


@pytest.mark.parametrize("first", ["sep=;\n", "\n", "\n \n"])
def test_lines_before_the_header_that_mean_nothing(tmp_path: Path, first: str) -> None:
    assert opened(tmp_path, first + PLAIN.replace(",", ";")).customer_id.tolist() == ["1", "2"]


def test_a_title_is_skipped_when_told(tmp_path: Path) -> None:
    options(tmp_path, "order_lines: {skip: 2}")
    assert len(opened(tmp_path, "Export; vom\n01.02.2024\n" + PLAIN)) == 2


def test_headers_in_other_letters_are_mended_and_told(tmp_path: Path) -> None:
    content = PLAIN.replace(HEADER, 'Customer_ID, order_id,"Occurred At",NET-VALUE,Category \n')
    assert opened(tmp_path, content).net_value.astype(float).tolist() == [12.5, 3]
    [told] = [one for one in Profiles.open(tmp_path).said if one.severity == "mended"]
    assert "'Customer_ID' as customer_id, ' order_id' as order_id" in told.text


def test_an_unknown_header_is_told_shortly(tmp_path: Path) -> None:
    names = ",".join(f"spalte_{number}" for number in range(79))
    text = refusal(tmp_path, f"{names}\n{'1,' * 78}1\n")
    assert "and 71 more. Add or rename it." in text
    assert len(text) < 500


def test_columns_are_renamed(tmp_path: Path) -> None:
    options(tmp_path, "order_lines:\n  rename: {Kunde: customer_id, Umsatz: net_value}\n")
    content = PLAIN.replace("customer_id", "Kunde").replace("net_value", "Umsatz")
    assert opened(tmp_path, content).customer_id.tolist() == ["1", "2"]
    frame = pd.read_csv(tmp_path / "order_lines.csv")
    (tmp_path / "order_lines.csv").unlink()
    frame.to_parquet(tmp_path / "order_lines.parquet")
    assert Profiles.open(tmp_path).customers() == 2


GERMAN = HEADER.replace(",", ";") + "1;a;31.12.2024 18:30;1.250,50;Tee\n2;b;01.07.2024 08:00;980;\n"


def test_german_exports_are_recognised_and_then_read(tmp_path: Path) -> None:
    text = refusal(tmp_path, GERMAN)
    line = 'order_lines: {date_format: "%d.%m.%Y %H:%M", decimal: ",", thousands: "."}'
    assert f"Or put this line into tables.yaml beside the files: {line}." in text
    problems: list[Finding] = []
    Profiles.open(tmp_path, problems=problems)
    assert line in problems[0].text
    options(tmp_path, line)
    rows = opened(tmp_path, GERMAN)
    assert rows.net_value.astype(float).tolist() == [1250.5, 980]
    assert rows.occurred_at.tolist() == [
        pd.Timestamp("2024-12-31 18:30"),
        pd.Timestamp("2024-07-01 08:00"),
    ]


def test_local_times(tmp_path: Path) -> None:
    options(tmp_path, "all: {time_zone: Europe/Berlin}")
    times = ["2024-12-31 18:30", "2024-07-01", "2024-07-01T08:00:00+00:00", "2024-07-01 08:00Z"]
    rows = "".join(f"{i},{i},{time},1,\n" for i, time in enumerate(times))
    wanted = ["2024-12-31 17:30", "2024-06-30 22:00", "2024-07-01 08:00", "2024-07-01 08:00"]
    assert opened(tmp_path, HEADER + rows).occurred_at.tolist() == list(map(pd.Timestamp, wanted))
    frame = pd.DataFrame({"customer_id": ["1"], "order_id": "a", "net_value": 1.0})
    (tmp_path / "order_lines.csv").unlink()
    frame["occurred_at"] = pd.to_datetime(["2024-12-31 18:30"])
    frame.to_parquet(tmp_path / "order_lines.parquet")
    assert Profiles.open(tmp_path).span()[0] == pd.Timestamp("2024-12-31 17:30")


def test_hours_that_clocks_show_twice_or_never_are_told(tmp_path: Path) -> None:
    options(tmp_path, 'all: {time_zone: Europe/Berlin, date_format: "%d.%m.%Y %H:%M"}')
    times = ["31.03.2024 02:30", "27.10.2024 02:30", "27.10.2024 04:30"]
    opened(tmp_path, HEADER + "".join(f"{i},{i},{time},1,\n" for i, time in enumerate(times)))
    told = [one for one in Profiles.open(tmp_path).said if one.severity == "warn"]
    assert [("never" in one.text, "twice" in one.text) for one in told] == [
        (True, False),
        (False, True),
    ]
    assert all("holds 1 times" in one.text for one in told)


def test_days_of_excel(tmp_path: Path) -> None:
    content = HEADER + "1,a,45292,1,\n2,b,45292.75,1,\n"
    assert 'order_lines: {date_format: "excel"}' in refusal(tmp_path, content)
    options(tmp_path, "order_lines: {date_format: excel}")
    assert opened(tmp_path, content).occurred_at.tolist() == [
        pd.Timestamp("2024-01-01"),
        pd.Timestamp("2024-01-01 18:00"),
    ]


@pytest.mark.parametrize(
    ("text", "value", "part"),
    [
        ('all: {decimal: ",", thousands: "."}', "12.5", "net_value must be a number with ,"),
        ('all: {decimal: ","}', "1.250,00", "net_value must be a number with ,"),
        ('all: {date_format: "%Y/%m/%d"}', "1", "occurred_at must be a time as %Y/%m/%d"),
        ("all: {time_zone: Europe/Berlin}", "1", ""),
        ("all: {encoding: ascii}", "1", "not encoded in ascii, as tables.yaml says"),
    ],
)
def test_values_that_are_not_as_it_was_said(
    tmp_path: Path, text: str, value: str, part: str
) -> None:
    options(tmp_path, text)
    content = HEADER.replace(",", ";") + f"1;a;2024-01-05;{value};Käse\n"
    if part:
        assert part in refusal(tmp_path, content)
    else:
        assert len(opened(tmp_path, content)) == 1


@pytest.mark.parametrize(
    ("values", "delimiter", "severity"),
    [
        (["1.250", "980", "12.400"], ";", "refused"),
        (["1.250", "980", "12.400"], ",", "warn"),
        (["1.250", "980.5", "12.400"], ";", None),
        (["0.125", "1.250", "3"], ";", None),
        (["1.250", "2.500"], ",", "warn"),
        (["1.000", "2.000"], ",", None),
    ],
)
def test_thousands_that_look_like_decimals(
    tmp_path: Path, values: list[str], delimiter: str, severity: str | None
) -> None:
    rows = "".join(f"{i},{i},2024-01-05,{value},\n" for i, value in enumerate(values))
    (tmp_path / "order_lines.csv").write_text((HEADER + rows).replace(",", delimiter))
    problems: list[Finding] = []
    if severity == "refused":
        with pytest.raises(ProfileError, match="may hold thousands"):
            Profiles.open(tmp_path, problems=problems)
    else:
        told = [one.severity for one in Profiles.open(tmp_path).said if "thousands" in one.text]
        assert told == ([severity] if severity else [])
    options(tmp_path, 'all: {decimal: "."}')
    assert not [one for one in Profiles.open(tmp_path).said if "thousands" in one.text]


def test_attributes_that_would_become_categories_are_told(tmp_path: Path) -> None:
    (tmp_path / "order_lines.csv").write_text(PLAIN)
    rows = "".join(f"{i};2024-01-01;{i}.234,5;31.12.19{i}0;Haus {i}\n" for i in (1, 2))
    (tmp_path / "customers.csv").write_text("customer_id;occurred_at;income;born;home\n" + rows)
    told = {one.text.split()[1]: one.text for one in Profiles.open(tmp_path).said
            if one.severity == "warn"}  # fmt: skip
    assert 'customers: {decimal: ",", thousands: "."}' in told["income"]
    assert 'customers: {date_format: "%d.%m.%Y"}' in told["born"]
    assert set(told) == {"income", "born"}
    options(
        tmp_path,
        "customers:\n  decimal: ','\n  thousands: .\n  date_format: ['%d.%m.%Y', '%Y-%m-%d']\n",
    )
    table = Profiles.open(tmp_path).table("customers").to_pandas()
    assert table.income.tolist() == [1234.5, 2234.5]
    assert table.born.tolist() == [pd.Timestamp("1910-12-31"), pd.Timestamp("1920-12-31")]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("all: {decimals: ','}", "unknown key 'all.decimals'. Did you mean 'decimal'?"),
        ("order_line: {decimal: ','}", "unknown table 'order_line'. Did you mean 'order_lines'?"),
        ("all: {decimal: ;}", "all.decimal: Input should be '.' or ','"),
        ("all: {decimal: ,}", "all.decimal: a value is needed, and a sign in quotes"),
        ("all: {encoding: klingon}", "an encoding such as windows-1252 is needed"),
        ("all: {time_zone: Europe/Berln}", "did you mean Europe/Berlin?"),
        ("all: {date_format: dd.mm.yyyy}", "a format such as %d.%m.%Y"),
        ("all: {thousands: .}", "decimal and thousands must differ"),
        ("all: {thousands: ','}\nreturns: {decimal: ','}", "returns: decimal and thousands must"),
        ("all: {rename: {a: value, b: value}}", "each column needs a name of its own"),
        ("all: {decimal: ',}", "Put signs such as , and ; into quotes"),
        ("- all", "tables and their keys are needed"),
    ],
)
def test_options_that_cannot_be_used(tmp_path: Path, text: str, part: str) -> None:
    options(tmp_path, text)
    assert part in refusal(tmp_path, PLAIN)


def test_options_of_text_for_a_table_of_parquet(tmp_path: Path) -> None:
    options(tmp_path, "order_lines: {encoding: windows-1252}")
    pd.DataFrame({"customer_id": ["1"]}).to_parquet(tmp_path / "order_lines.parquet")
    with pytest.raises(ProfileError, match=r"encoding in .* is of text, but its files are"):
        Profiles.open(tmp_path)


def test_options_changed_while_a_store_is_read_are_noticed(tmp_path: Path) -> None:
    opened(tmp_path, PLAIN)
    profiles = Profiles.open(tmp_path)
    before = profiles.signature()
    options(tmp_path, "all: {time_zone: Europe/Berlin}")
    assert Profiles.open(tmp_path).signature() != before


def test_the_example_of_the_docs(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/profiles.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^```yml\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    options(tmp_path, example)
    content = (
        "Kundennummer;order_id;occurred_at;Umsatz;category\n"
        "7;a;31.12.2024;1.250,50;Käse\n8;b;01.07.2024 08:00;980;Tee\n"
    )
    rows = opened(tmp_path, content.encode("cp1252"))
    assert rows.net_value.astype(float).tolist() == [1250.5, 980]
    assert rows.occurred_at.tolist() == [
        pd.Timestamp("2024-12-30 23:00"),
        pd.Timestamp("2024-07-01 06:00"),
    ]
    assert rows.category.tolist() == ["Käse", "Tee"]
    keys = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, flags=re.MULTILINE)
    told = {key.strip("` ") for line in keys for key in line.split(",")}
    assert set(Reading.model_fields) <= told
