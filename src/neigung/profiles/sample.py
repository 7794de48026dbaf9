"""Some of the customers, chosen by a hash of their id: the same ones everywhere and each time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

_DIGITS = 12


@dataclass(frozen=True)
class Sample:
    """The customers whose hashed id lies below a limit; a larger share holds a smaller one's.

    The hash is the MD5 of `salt` and id as hexadecimal text, which all engines compute and compare
    alike. The salt keeps it apart from other uses of such hashes, above all from tests that a shop
    deals out by MD5 of the id: with those the sample would hold one arm only.

    Parameters
    ----------
    share : of all customers, above 0 and below 1.
    salt : another salt, other customers.

    >>> customers = ibis.memtable({"customer_id": [f"c{number}" for number in range(1000)]})
    >>> few, more = Sample(0.1, "learn"), Sample(0.3, "learn")
    >>> chosen = [one.of(customers).customer_id.to_list() for one in (few, more)]
    >>> [len(ids) for ids in chosen], set(chosen[0]) < set(chosen[1])
    ([108, 301], True)
    """

    share: float
    salt: str

    def of(self, rows: ir.Table) -> ir.Table:
        """Those of the rows that belong to customers of the sample."""
        limit = f"{math.floor(self.share * 16**_DIGITS):0{_DIGITS}x}"
        hashed = (ibis.literal(f"neigung:{self.salt}:") + rows.customer_id).hexdigest("md5")
        return rows.filter(hashed < limit)
