"""A shop's own features; a study names this file as `my_features: configs/example_own_features.py`.

Each is an Ibis aggregate over one customer's past. The first line says in English what it is,
`de:` in German: reports and reasons show both.
"""

import ibis.expr.types as ir

import neigung as ng


@ng.feature(ng.ORDERS, windows=(90, 365), unit="share")
def large_order_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the orders worth more than 50.

    de: Anteil der Bestellungen im Wert von mehr als 50.
    """
    large = orders.value > 50
    return ng.ratio(large.sum(where=within), orders.count(where=within))


# `brand` is no column of the contract: the rows carry the store's own columns, too.
@ng.feature(ng.ORDER_LINES, windows=(90,), empty=0, unit="products", needs=("brand",))
def own_brand_products(lines: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different products of the shop's own brand.

    de: Anzahl verschiedener Produkte der Eigenmarke.

    reason: {value} of the shop's own brand {window}

    reason de: {value} der Eigenmarke {window}
    """
    return lines.product_id.nunique(where=within & (lines.brand == "Private"))


# Computed from finished columns of other features.
@ng.feature(ng.COMBINED, of=("order_value",), unit="share")
def order_value_new(row: ir.Table) -> ir.Value:
    """Share of a year's order value that fell in the last 30 days.

    de: Anteil des Bestellwerts eines Jahres, der auf die letzten 30 Tage entfiel.
    """
    return ng.ratio(row.order_value_30d, row.order_value_365d)
