"""Columns as a feature table has them."""

from neigung.features.feature import Column


def column(name, kind="number", text=None):
    text = text or name
    return Column(name, name, None, "count", "theme", kind, f"EN {text}", f"DE {text}")
