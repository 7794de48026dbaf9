"""The quality report counts what was put in, and says it in sentences."""

import json
from io import StringIO

import pandas as pd
import pytest
from rich.console import Console

from neigung.profiles.quality import check
from neigung.profiles.quality_report import QualityReport
from neigung.profiles.store import Profiles


@pytest.fixture
def report() -> QualityReport:
    """Two customers with orders, one without, and one flaw of each kind."""
    lines = pd.DataFrame(
        {
            "customer_id": ["anna"] * 30 + ["björn"] * 2,
            "order_id": [f"o{day}" for day in range(30)] + ["b", "b"],
            "occurred_at": [
                *pd.date_range("2025-01-01", periods=15, freq="D"),
                *pd.date_range("2025-01-26", periods=15, freq="D"),
                *pd.to_datetime(["2025-02-09 13:00"] * 2),
            ],
            "net_value": [10.0] * 29 + [-1.0, 3.0, 3.0],
            "category": [None] * 8 + ["tea"] * 24,
        }
    )
    lines["known_at"] = lines.occurred_at + pd.to_timedelta([2, 4] + [0] * 30, unit="D")
    returns = pd.DataFrame(
        {
            "customer_id": ["anna", "carl"],
            "order_id": ["o1", "gone"],
            "occurred_at": "2025-02-10",
            "value": 1,
        }
    )
    consents = pd.DataFrame(
        [
            ("anna", "2025-01-01", "profiling", None, False),
            ("anna", "2025-01-02", "profiling", None, True),
            ("anna", "2025-01-02", "marketing", "email", True),
            ("björn", "2025-01-02", "marketing", "email", True),
            ("björn", "2025-03-01", "marketing", "email", False),
        ],
        columns=["customer_id", "occurred_at", "purpose", "channel", "granted"],
    )
    customers = pd.DataFrame({"customer_id": ["anna", "anna"], "tier": ["a", "a"]})
    return check(
        Profiles.from_tables(
            {
                "order_lines": lines,
                "returns": returns,
                "consents": consents,
                "customers": customers,
            }
        )
    )


def test_numbers(report: QualityReport) -> None:
    tables = {table.name: table for table in report.tables}
    lines = tables["order_lines"]
    assert (lines.rows, lines.customers, lines.duplicates) == (32, 2, 1)
    assert lines.first == pd.Timestamp("2025-01-01")
    assert lines.last == pd.Timestamp("2025-02-09 13:00")
    assert lines.missing == {"category": 8}
    assert lines.rows_of_unknown == 2
    assert lines.days_without_rows == 10
    (gap,) = lines.longest_gaps
    assert (str(gap.first), str(gap.last), gap.days) == ("2025-01-16", "2025-01-25", 10)
    assert lines.lateness is not None
    assert lines.lateness.share_late == pytest.approx(2 / 32)
    assert lines.lateness.median_days == pytest.approx(3)
    assert lines.lateness.p95_days == pytest.approx(3.9)
    assert lines.lateness.max_days == pytest.approx(4)
    assert tables["returns"].rows_of_unknown == 1
    assert tables["returns"].lateness is None
    assert tables["customers"].duplicates == 1
    assert report.returns_without_order == 1
    assert report.negative_values == 1


def test_permissions_hold_the_latest_word(report: QualityReport) -> None:
    profiling, marketing = report.permissions
    assert (profiling.granted, profiling.refused) == (0.5, 0)
    assert (marketing.granted, marketing.refused) == (0.5, 0.5)


@pytest.mark.parametrize(
    "text",
    [
        "order_lines: no row on the 10 days from 2025-01-16 to 2025-01-25.",
        "order_lines: values are missing in category (25%).",
        "order_lines: 1 of 32 rows (3.1%) equal another row in every column.",
        "order_lines: 2 of 32 rows (6.2%) belong to customers who are not in the table customers",
        "order_lines: 1 of 32 rows (3.1%) have a negative net_value.",
        "order_lines: 6.2% of the rows became known late: half of these after 3.0 days",
        "returns: 1 of 2 rows (50.0%) name an order that is not in order_lines.",
        "returns: 1 of 2 rows (50.0%) belong to customers without any order line.",
        "consents: 50.0% of the customers with an order have agreed to be contacted, 50.0% have",
        "customers: 2 rows without occurred_at count as known from the customer's first row",
    ],
)
def test_findings(report: QualityReport, text: str) -> None:
    assert any(finding.text.startswith(text) for finding in report.findings)


def test_findings_are_sorted_and_a_clean_store_has_none(store_lines: pd.DataFrame) -> None:
    consents = pd.DataFrame(
        {
            "customer_id": ["anna"] * 2,
            "occurred_at": "2025-01-01",
            "purpose": ["profiling", "marketing"],
            "granted": True,
        }
    )
    lines = store_lines.assign(order_id=list("abcd"))
    clean = check(Profiles.from_tables({"order_lines": lines, "consents": consents}))
    assert {finding.severity for finding in clean.findings} == {"ok"}
    assert clean.findings[-1].text == "Nothing to mend was found."
    nobody = consents.assign(granted=False)
    refused = check(Profiles.from_tables({"order_lines": lines, "consents": nobody}))
    assert refused.findings[0].severity == "bad"
    assert refused.findings[-1].severity == "ok"


def test_store_without_consents(store_lines: pd.DataFrame) -> None:
    report = check(Profiles.from_tables({"order_lines": store_lines.head(1)}))
    assert report.permissions == ()
    assert any("no table consents" in finding.text for finding in report.findings)


def test_ids_that_do_not_match_are_bad(store_lines: pd.DataFrame) -> None:
    visits = pd.DataFrame({"customer_id": ["0007"], "occurred_at": "2025-01-01", "kind": ["view"]})
    report = check(Profiles.from_tables({"order_lines": store_lines, "visits": visits}))
    assert report.findings[0].severity == "bad"
    assert "check that both tables use the same ids" in report.findings[0].text


def test_shows_itself(report: QualityReport) -> None:
    plain = json.loads(json.dumps(report.to_dict()))
    (gap,) = plain["tables"][1]["longest_gaps"]
    assert gap == {"first": "2025-01-16", "last": "2025-01-25", "days": 10}
    assert "<td>order_lines</td>" in report._repr_html_()
    screen = StringIO()
    Console(file=screen, width=200).print(report)
    assert "order_lines" in screen.getvalue()
    assert report.findings[0].text[:50] in screen.getvalue()
