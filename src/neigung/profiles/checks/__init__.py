"""The checks of a profile store: one file each, and one entry here.

A check counts in the engine and says what a shop should mend, with count and example: see `check`
for its parts and `quality` for who asks. They stand in the order of the harm that they report, so
that of findings of one severity the most harmful comes first. They may import the contract, the
timeline and consents, and nothing above `profiles`.
"""

from __future__ import annotations

from neigung.profiles.checks import (
    alike_ids,
    cents,
    consents,
    crowded_id,
    currencies,
    doubtful_words,
    duplicates,
    ends,
    extent,
    gaps,
    hindsight,
    lateness,
    missing,
    negative_values,
    opening,
    orders,
    returns,
    unknown_customers,
)
from neigung.profiles.checks.check import Check

CHECKS: tuple[Check, ...] = (
    ends.CHECK,
    currencies.CHECK,
    cents.CHECK,
    returns.SIGNS,
    crowded_id.CHECK,
    unknown_customers.CHECK,
    consents.CHECK,
    orders.CHECK,
    hindsight.CHECK,
    alike_ids.CHECK,
    doubtful_words.CHECK,
    duplicates.CHECK,
    gaps.CHECK,
    opening.CHECK,
    returns.CHECK,
    negative_values.CHECK,
    missing.CHECK,
    lateness.CHECK,
    extent.CHECK,
)
