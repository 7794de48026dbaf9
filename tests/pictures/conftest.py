"""The small model of the reports' tests, to draw pictures of."""

from tests.report.conftest import artefact, hostile, test_rows

__all__ = ["artefact", "hostile", "test_rows"]
