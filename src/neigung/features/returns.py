"""What a customer sends back."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from neigung.features.feature import Feature, Source, feature, ratio
from neigung.features.sources import COMBINED, contract_rows
from neigung.profiles.timeline import KEYS, Past


def _returns(past: Past) -> ir.Table:
    """The past returns; `newest` marks those of the customer's last instant with a return."""
    rows = contract_rows(past, "returns")
    last = rows.days_ago.min().over(ibis.window(group_by=KEYS))
    return rows.mutate(newest=rows.days_ago == last)


RETURNS = Source("returns", ("returns",), _returns, "returns")


@feature(RETURNS, windows=(365,), empty=0)
def return_count(returns: ir.Table, within: ir.Value) -> ir.Value:
    """Number of returned order lines.

    de: Anzahl der zurückgesandten Positionen.

    reason: Order lines returned {window}: {value}

    reason de: Zurückgesandte Positionen {window}: {value}
    """
    return returns.count(where=within)


@feature(RETURNS, windows=(90, 365), empty=0, unit="currency")
def return_value(returns: ir.Table, within: ir.Value) -> ir.Value:
    """Value of the returns.

    de: Wert der Retouren.

    reason: Returns worth {value} {window}

    reason de: Retouren im Wert von {value} {window}
    """
    return returns.value.sum(where=within)


@feature(RETURNS, windows=(365,), empty=0, unit="orders")
def returned_order_count(returns: ir.Table, within: ir.Value) -> ir.Value:
    """Number of orders with a return.

    de: Anzahl der Bestellungen mit Retoure.

    reason: {value} with a return {window}

    reason de: {value} mit Retoure {window}
    """
    return returns.order_id.nunique(where=within)


@feature(RETURNS, unit="days")
def days_since_last_return(returns: ir.Table) -> ir.Value:
    """Days since the last return.

    de: Tage seit der letzten Retoure.

    reason: Last return {value} ago

    reason de: Letzte Retoure vor {value}
    """
    return returns.days_ago.min()


@feature(RETURNS, needs=("reason",), kind="category")
def last_return_reason(returns: ir.Table) -> ir.Value:
    """Reason of the last return.

    de: Grund der letzten Retoure.

    reason: Last return because of “{value}”

    reason de: Letzte Retoure wegen „{value}“
    """
    return returns.reason.max(where=returns.newest)


@feature(COMBINED, of=("return_value", "order_value"), unit="share", theme="returns")
def return_value_share(row: ir.Table) -> ir.Value:
    """Value of the returns relative to the value of the orders, last 365 days.

    de: Wert der Retouren im Verhältnis zum Wert der Bestellungen, letzte 365 Tage.

    reason: Returns worth {value} of the order value in the last 365 days

    reason de: Retouren im Umfang von {value} des Bestellwerts in den letzten 365 Tagen
    """
    return ratio(row.return_value_365d, row.order_value_365d)


@feature(COMBINED, of=("returned_order_count", "order_count"), unit="share", theme="returns")
def returned_order_share(row: ir.Table) -> ir.Value:
    """Orders with a return relative to all orders, last 365 days.

    de: Bestellungen mit Retoure im Verhältnis zu allen Bestellungen, letzte 365 Tage.

    reason: {value} of the orders with a return in the last 365 days

    reason de: {value} der Bestellungen mit Retoure in den letzten 365 Tagen
    """
    return ratio(row.returned_order_count_365d, row.order_count_365d)


FEATURES: tuple[Feature, ...] = (
    return_count,
    return_value,
    returned_order_count,
    days_since_last_return,
    last_return_reason,
    return_value_share,
    returned_order_share,
)
