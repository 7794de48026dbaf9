"""A retailer whose truth is known."""

from neigung.simulation.simulate import simulate
from neigung.simulation.truth import Truth, read_truth

__all__ = ["Truth", "read_truth", "simulate"]
