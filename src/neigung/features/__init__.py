"""Features: documented Ibis expressions over the past of a profile store.

May import: `profiles`, `language` and what lies below; nothing that knows a label.
"""

from neigung.features.feature import Column, Feature, Source, feature, ratio, spread
from neigung.features.library import library, load_user_features
from neigung.features.sources import COMBINED, ORDER_LINES, ORDERS
from neigung.features.table import FeatureSet

__all__ = [
    "COMBINED",
    "ORDERS",
    "ORDER_LINES",
    "Column",
    "Feature",
    "FeatureSet",
    "Source",
    "feature",
    "library",
    "load_user_features",
    "ratio",
    "spread",
]
