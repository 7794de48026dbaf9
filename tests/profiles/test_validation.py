"""Every way in which a table can break the contract, with the text that names it."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neigung.errors import ProfileError
from neigung.profiles.mending import CUSTOMER_ID, spelled
from neigung.profiles.store import Profiles


def refused(**tables: object) -> str:
    with pytest.raises(ProfileError) as error:
        Profiles.from_tables(tables)
    return str(error.value)


def rows(customers: list[object], **columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(
        {"customer_id": customers, "occurred_at": ["2025-01-03"] * len(customers), **columns}
    )


def test_missing_column_lists_what_is_there_and_guesses(store_lines: pd.DataFrame) -> None:
    text = refused(order_lines=store_lines.rename(columns={"net_value": "netvalue"}))
    assert text == (
        "order_lines: needs the column net_value (did you call it netvalue?), but has customer_id, "
        "order_id, occurred_at, discount_value, netvalue. Add or rename it."
    )


def test_wrong_type_names_row_and_value(store_lines: pd.DataFrame) -> None:
    lines = store_lines.astype({"net_value": str})
    lines.loc[2, "net_value"] = "abc"
    assert refused(order_lines=lines) == (
        "order_lines: net_value must be a finite amount with a decimal point, such as 12.50, but "
        "1 of 4 rows breaks this, for example row 3: 'abc'. Mend or leave out such rows."
    )


@pytest.mark.parametrize(
    ("column", "value", "rule", "example"),
    [
        ("customer_id", None, "filled", "missing"),
        ("customer_id", "", "filled", "missing (it says '')"),
        ("customer_id", "  ", "filled", "missing (it says '  ')"),
        ("customer_id", "NULL", "filled", "missing (it says 'NULL')"),
        ("order_id", None, "filled", "missing"),
        ("occurred_at", None, "filled", "missing"),
        ("occurred_at", "31.12.2024", "a date or time in ISO form", "'31.12.2024'"),
        ("occurred_at", "infinity", "a date or time in ISO form", "'infinity'"),
        ("net_value", None, "filled", "missing"),
        ("net_value", "12,50", "a finite amount", "'12,50'"),
        ("net_value", "1e300", "a finite amount", "'1e300'"),
        ("discount_value", "-0.01", "at least 0", "'-0.0100'"),
        ("quantity", "two", "a finite number", "'two'"),
        ("known_at", "2024-12-31", "not before occurred_at", "'2024-12-31 00:00:00'"),
    ],
)
def test_order_lines_rules(
    store_lines: pd.DataFrame, column: str, value: object, rule: str, example: str
) -> None:
    lines = store_lines.assign(
        occurred_at=store_lines.occurred_at.astype(str),
        net_value=store_lines.net_value.astype(str),
        discount_value="1.0",
        quantity="1",
        product_id="p",
        known_at="2026-01-01",
    ).astype(object)
    Profiles.from_tables({"order_lines": lines})
    lines.loc[1, column] = value
    text = refused(order_lines=lines)
    assert text.startswith(f"order_lines: {column} must be {rule}")
    assert f"but 1 of 4 rows breaks this, for example row 2: {example}." in text


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e15])
def test_amounts_that_are_not_finite(store_lines: pd.DataFrame, value: float) -> None:
    store_lines.loc[3, "net_value"] = value
    assert "net_value must be a finite amount" in refused(order_lines=store_lines)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_numbers_that_are_not_finite(store_lines: pd.DataFrame, value: float) -> None:
    offers = rows(["a", "b"], offer_id=["1", "2"], arm=["none", "10%"], discount_rate=[0, value])
    assert "discount_rate must be a finite number" in refused(
        order_lines=store_lines, offers=offers
    )


def test_nan_of_another_library_is_a_missing_number() -> None:
    offers = rows(["a", "b"], offer_id=["1", "2"], arm=["none", "10%"], discount_rate=[0.0, 0.1])
    table = pa.Table.from_pandas(offers, preserve_index=False)
    chances = pa.array(np.array([np.nan, 0.1]), from_pandas=False)
    lines = rows(["a"], order_id=["o"], net_value=[1.0])
    tables = {
        "order_lines": lines,
        "offers": table.append_column("assignment_probability", chances),
    }
    read = Profiles.from_tables(tables).table("offers").to_pandas()
    assert read["assignment_probability"].isna().tolist() == [True, False]


def test_nan_of_another_library_is_no_amount(store_lines: pd.DataFrame) -> None:
    lines = pa.Table.from_pandas(store_lines, preserve_index=False)
    bad = pa.array(np.array([np.nan, 1, 2, 3]), from_pandas=False)
    text = refused(order_lines=lines.set_column(3, "net_value", bad))
    assert "net_value must be a finite amount" in text
    assert "row 1: 'nan'" in text


@pytest.mark.parametrize(
    ("table", "frame", "text"),
    [
        (
            "offers",
            rows(["a", "b"], offer_id=["1", "2"], arm=["none", "10%"], discount_rate=[0, 10.0]),
            "offers: discount_rate must be between 0 and 1, but 1 of 2 rows breaks this, "
            "for example row 2: '10.0'",
        ),
        (
            "offers",
            rows(["a"], offer_id=["1"], arm=["none"], assignment_probability=[0.0]),
            "offers: assignment_probability must be above 0 and at most 1",
        ),
        (
            "offers",
            rows(["a"], offer_id=["1"], arm=["none"], assignment_probability=[1.01]),
            "offers: assignment_probability must be above 0 and at most 1",
        ),
        (
            "consents",
            rows(["a"], purpose=["profiling"], granted=["maybe"]),
            "consents: granted must be true or false, but 1 of 1 row breaks this, for example "
            "row 1: 'maybe'",
        ),
        (
            "consents",
            rows(["a"], purpose=["profiling"], granted=[2]),
            "consents: granted must be true or false",
        ),
        (
            "consents",
            rows(["a"], purpose=["adverts"], granted=[True]),
            "consents: purpose must be one of profiling, marketing",
        ),
        (
            "responses",
            rows(["a"], contact_id=["c"], kind=["opened"]),
            "responses: kind must be one of delivered, open, click, redeem, bounce, unsubscribe",
        ),
        (
            "visits",
            pd.DataFrame({"customer_id": ["a"], "occurred_at": [1735689600], "kind": ["view"]}),
            "visits: occurred_at must be a date or time in ISO form",
        ),
        (
            "visits",
            rows([[1, 2]], kind=["view"]),
            "visits: customer_id must be a text or a whole number",
        ),
        (
            "visits",
            rows([1.5, 2.0], kind=["view", "view"]),
            "visits: customer_id must be a text or a whole number, but 1 of 2 rows breaks this, "
            "for example row 1: '1.5'",
        ),
        (
            "labels",
            pd.DataFrame(
                {"customer_id": ["a", "a"], "cutoff": ["2025-02-01"] * 2, "value": [0, 1]}
            ),
            "labels: cutoff must be unique for each customer_id, but 2 of 2 rows break this",
        ),
        (
            "service_cases",
            rows(["a"], case_id=["1"], kind=["question"], resolved_at=["2025-01-02"]),
            "service_cases: resolved_at must be not before occurred_at",
        ),
    ],
)
def test_rules_of_the_other_tables(
    store_lines: pd.DataFrame, table: str, frame: pd.DataFrame, text: str
) -> None:
    assert text in refused(order_lines=store_lines, **{table: frame})


def test_all_bad_tables_and_rules_are_told_at_once(store_lines: pd.DataFrame) -> None:
    store_lines.loc[0, ["order_id", "customer_id"]] = [None, ""]
    visits = rows([None], kind=["view"])
    lines = refused(order_lines=store_lines, visits=visits).splitlines()
    assert [line.split(":")[0] for line in lines] == ["order_lines", "visits"]
    assert "customer_id must be filled" in lines[0]
    assert "order_id must be filled" in lines[0]


def test_only_row_broken(store_lines: pd.DataFrame) -> None:
    text = refused(order_lines=store_lines.head(1).assign(net_value=None))
    assert "1 of 1 row breaks this, for example row 1: missing" in text


@pytest.mark.parametrize(
    ("given_ids", "kept"),
    [
        ([1, 2, 3, 4], ["1", "2", "3", "4"]),
        ([1.0, 2.0, 3.0, 2.0**53], ["1", "2", "3", "9007199254740992"]),
        ([Decimal(1), Decimal(2), Decimal(3), Decimal(10**20)], ["1", "2", "3", f"{10**20}"]),
        (["007", "ä'ö\"ü", "'; drop table order_lines; --", "日本"], None),
    ],
)
def test_ids_become_text(
    store_lines: pd.DataFrame, given_ids: list[object], kept: list[str] | None
) -> None:
    profiles = Profiles.from_tables({"order_lines": store_lines.assign(customer_id=given_ids)})
    ids = profiles.table("order_lines").customer_id.to_pyarrow().to_pylist()
    assert ids == (kept or given_ids)
    assert profiles.customers() == 4


def test_float_ids_with_gaps_are_whole_and_the_gap_is_missing(store_lines: pd.DataFrame) -> None:
    lines = store_lines.assign(product_id=[123.0, np.nan, 5.0, 6.0])
    table = Profiles.from_tables({"order_lines": lines}).table("order_lines")
    assert table.product_id.to_pyarrow().to_pylist() == ["123", None, "5", "6"]
    assert "customer_id must be filled" in refused(
        order_lines=store_lines.assign(customer_id=[123.0, np.nan, 5.0, 6.0])
    )


@pytest.mark.parametrize(
    "moment",
    [
        "2025-03-31T18:05:00",
        "2025-03-31T18:05:00Z",
        "2025-03-31 20:05:00+02:00",
        pd.Timestamp("2025-03-31T20:05", tz="Europe/Berlin"),
        pd.Timestamp("2025-03-31T18:05"),
    ],
)
def test_times_become_utc(store_lines: pd.DataFrame, moment: object) -> None:
    lines = store_lines.assign(occurred_at=[moment] * 4)
    profiles = Profiles.from_tables({"order_lines": lines})
    assert profiles.span() == (pd.Timestamp("2025-03-31 18:05"),) * 2
    assert str(profiles.table("order_lines").occurred_at.type()) == "timestamp(6)"


def test_dates_are_their_midnight(store_lines: pd.DataFrame) -> None:
    lines = store_lines.assign(occurred_at=store_lines.occurred_at.dt.date)
    assert Profiles.from_tables({"order_lines": lines}).span()[0] == pd.Timestamp("2025-01-01")


def test_known_at_defaults_to_occurred_at(store_lines: pd.DataFrame) -> None:
    late = pd.Timestamp("2025-03-01")
    lines = store_lines.assign(known_at=[pd.NaT, late, pd.NaT, late])
    table = Profiles.from_tables({"order_lines": lines}).table("order_lines")
    known = table.known_at.to_pandas().tolist()
    assert known == [store_lines.occurred_at[0], late, store_lines.occurred_at[2], late]


@pytest.mark.parametrize("granted", [[True, False], ["true", "no"], ["T", "0"], [1, 0], [1.0, 0.0]])
def test_ways_to_write_booleans(store_lines: pd.DataFrame, granted: list[object]) -> None:
    consents = rows(["a", "b"], purpose=["profiling"] * 2, granted=granted)
    profiles = Profiles.from_tables({"order_lines": store_lines, "consents": consents})
    assert profiles.table("consents").granted.to_pyarrow().to_pylist() == [True, False]


# Signs that are blank, that compose others, and that no version of Unicode knows differently.
signs = st.characters(exclude_categories=("Cs", "Cn", "Co")) | st.sampled_from(
    "\u0308\u200b\xa0ü7.0"
)
printable = st.text(signs, min_size=1).filter(
    lambda text: "\0" not in text and spelled(text, CUSTOMER_ID) is not None
)


@settings(max_examples=15, deadline=None)
@given(
    lines=st.lists(
        st.tuples(
            printable,
            st.datetimes(
                pd.Timestamp("1900-01-01").to_pydatetime(),
                pd.Timestamp("2200-01-01").to_pydatetime(),
                timezones=st.timezones(),
            ),
            st.decimals(-(10**9), 10**9, places=4),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_ids_times_and_amounts_survive(lines: list[tuple]) -> None:
    table = pa.table(
        {
            "customer_id": [line[0] for line in lines],
            "order_id": [line[0] for line in lines],
            "occurred_at": pa.array([line[1] for line in lines], pa.timestamp("us", "UTC")),
            "net_value": [line[2] for line in lines],
        }
    )
    kept = Profiles.from_tables({"order_lines": table}).table("order_lines").to_pyarrow()
    assert kept["customer_id"].to_pylist() == [spelled(line[0], CUSTOMER_ID) for line in lines]
    assert kept["net_value"].to_pylist() == [line[2] for line in lines]
    expected = table["occurred_at"].cast(pa.timestamp("us")).to_pylist()
    assert kept["occurred_at"].to_pylist() == expected


def test_failure_cases_stay_in_the_engine(store_lines: pd.DataFrame) -> None:
    many = store_lines.iloc[[0] * 200_000].assign(discount_value=-1.0)
    assert "200,000 of 200,000 rows break this" in refused(order_lines=many)
