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


@feature(RETURNS, windows=(365,), empty=0, fact="returns")
def return_count(returns: ir.Table, within: ir.Value) -> ir.Value:
    """Number of returned order lines.

    de: Anzahl der zurückgesandten Positionen.

    reason: Items returned {window}: {value}

    reason de: Zurückgesandte Artikel {window}: {value}

    zero: No items returned {window}

    zero de: Keine Artikel {window} zurückgesandt
    """
    return returns.count(where=within)


@feature(RETURNS, windows=(90, 365), empty=0, unit="currency", fact="returns")
def return_value(returns: ir.Table, within: ir.Value) -> ir.Value:
    """Value of the returns.

    de: Wert der Retouren.

    reason: Returns worth {value} {window}

    reason de: Retouren im Wert von {value} {window}

    zero: No returns of any value {window}

    zero de: Keine Retouren mit Warenwert {window}
    """
    return returns.value.sum(where=within)


@feature(RETURNS, windows=(365,), empty=0, unit="orders", fact="returns")
def returned_order_count(returns: ir.Table, within: ir.Value) -> ir.Value:
    """Number of orders with a return.

    de: Anzahl der Bestellungen mit Retoure.

    reason: {value} with a return {window}

    reason de: {value} mit Retoure {window}
    """
    return returns.order_id.nunique(where=within)


@feature(RETURNS, unit="days", fact="returns")
def days_since_last_return(returns: ir.Table) -> ir.Value:
    """Days since the last return.

    de: Tage seit der letzten Retoure.

    reason: Last return {value} ago

    reason de: Letzte Retoure vor {value}

    missing: No return on record

    missing de: Keine Retoure bekannt
    """
    return returns.days_ago.min()


@feature(RETURNS, needs=("reason",), kind="category", fact="return_reason")
def last_return_reason(returns: ir.Table) -> ir.Value:
    """Reason of the last return.

    de: Grund der letzten Retoure.

    reason: Reason given for the last return: “{value}”

    reason de: Angegebener Grund der letzten Retoure: „{value}“

    missing: No reason for a return on record

    missing de: Kein Grund für eine Retoure bekannt
    """
    return returns.reason.max(where=returns.newest)


@feature(
    COMBINED, of=("return_value", "order_value"), unit="share", theme="returns", fact="returns"
)
def return_value_share(row: ir.Table) -> ir.Value:
    """Value of the returns relative to the value of the orders, last 365 days.

    de: Wert der Retouren im Verhältnis zum Wert der Bestellungen, letzte 365 Tage.

    reason: Returns worth {value} of the order value in the last 365 days

    reason de: Retouren im Umfang von {value} des Bestellwerts in den letzten 365 Tagen

    zero: None of the order value of the last 365 days was returned

    zero de: Nichts vom Bestellwert der letzten 365 Tage wurde zurückgesandt

    missing: No paid orders in the last 365 days, so no return rate

    missing de: Keine bezahlten Bestellungen in den letzten 365 Tagen, daher keine Retourenquote
    """
    return ratio(row.return_value_365d, row.order_value_365d)


@feature(
    COMBINED,
    of=("returned_order_count", "order_count"),
    unit="share",
    theme="returns",
    fact="returns",
)
def returned_order_share(row: ir.Table) -> ir.Value:
    """Orders with a return relative to all orders, last 365 days.

    de: Bestellungen mit Retoure im Verhältnis zu allen Bestellungen, letzte 365 Tage.

    reason: {value} of the orders with a return in the last 365 days

    reason de: {value} der Bestellungen mit Retoure in den letzten 365 Tagen

    zero: No orders with a return in the last 365 days

    zero de: Keine Bestellungen mit Retoure in den letzten 365 Tagen

    missing: No orders in the last 365 days, so no return rate

    missing de: Keine Bestellungen in den letzten 365 Tagen, daher keine Retourenquote
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
