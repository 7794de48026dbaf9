"""The sections of the reports: shared ones here, those of one kind of model in its folder.

`KINDS` says which kind has which: a kind of model that comes new is a folder and an entry.
"""

from collections.abc import Callable

from neigung.report.sections.offers.offer_sections import OfferSections
from neigung.report.sections.propensity.propensity_sections import PropensitySections
from neigung.report.sections.section import Basis, ReportKind

KINDS: dict[str, Callable[[Basis], ReportKind]] = {
    "propensity": PropensitySections,
    "offer": OfferSections,
}
"""By kind of model, as its evaluation names it."""
