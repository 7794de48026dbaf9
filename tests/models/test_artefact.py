"""A version answers the study that it was trained with, and no other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from neigung.errors import StudyError
from neigung.models.artefact import check_question
from neigung.study import Study


def study(**changes: Any) -> Study:
    return Study.from_dict(
        {
            "name": "buy",
            "profiles": "profiles",
            "target": {"kind": "purchase", "horizon_days": 14},
            "legal_basis": {"consent": "profiling"},
            **changes,
        }
    )


def test_the_idea_of_an_order_is_part_of_the_question() -> None:
    usual, counting = study(), study(orders={"zero_total": "count"})
    trained: Any = SimpleNamespace(study=usual.stored())
    assert "orders" not in trained.study  # so that the artefact is the one of older releases
    check_question(usual, trained, 1)
    with pytest.raises(StudyError, match=r"another orders \(\{'zero_total': 'ignore'\}\)"):
        check_question(counting, trained, 1)
    check_question(counting, SimpleNamespace(study=counting.stored()), 1)  # type: ignore[arg-type]


def test_a_key_that_says_nothing_leaves_the_study_what_it_was() -> None:
    said = study(cutoffs={"trust_dates": False}, known_in_advance={})
    assert said.digest() == study().digest()
    assert study(cutoffs={"trust_dates": True}).digest() != study().digest()
