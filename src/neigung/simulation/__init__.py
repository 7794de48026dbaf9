"""Simulation: a retailer whose truth is known.

May import: `profiles` and what lies below.
"""

from neigung.simulation.simulate import simulate
from neigung.simulation.truth import Truth, read_truth

__all__ = ["Truth", "read_truth", "simulate"]
