"""The small models of the reports' tests, to explain."""

from tests.report.conftest import (
    artefact,
    evaluation,
    evidence,
    hostile,
    make_evaluation,
    make_evidence,
    offer_case,
    one_row,
    test_rows,
)

__all__ = [
    "artefact", "evaluation", "evidence", "hostile", "make_evaluation", "make_evidence",
    "offer_case", "one_row", "test_rows",
]  # fmt: skip
