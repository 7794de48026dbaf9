"""The small model of the explanations' tests, to draw pictures of."""

from tests.explanation.conftest import artefact, hostile, test_rows

__all__ = ["artefact", "hostile", "test_rows"]
