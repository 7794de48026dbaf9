"""How old data are is told, and too old ones are refused where a study says so."""

from __future__ import annotations

import datetime as dt
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from neigung.errors import StudyError
from neigung.profiles import age
from neigung.profiles.age import tell_age
from neigung.progress import Reporter
from neigung.study import Study

LAST = dt.datetime(2025, 5, 14, 12)


def told(monkeypatch: pytest.MonkeyPatch, now: dt.datetime, **cutoffs: Any) -> str:
    monkeypatch.setattr(age, "present", lambda: now)
    screen = StringIO()
    content = {
        "name": "aged",
        "profiles": "p",
        "target": {"kind": "purchase", "horizon_days": 30},
        "legal_basis": {"none_needed": "a test"},
        "cutoffs": cutoffs,
    }
    tell_age(Study.from_dict(content), LAST, Reporter(Console(file=screen)))
    return screen.getvalue().strip()


def test_the_age_of_data(monkeypatch: pytest.MonkeyPatch) -> None:
    after = dt.timedelta(days=1)
    assert told(monkeypatch, LAST + after) == "The data end on 2025-05-14, 1 day before today."
    assert told(monkeypatch, LAST + 2000 * after).endswith("2,000 days before today.")
    assert told(monkeypatch, LAST).endswith("2025-05-14, today or later.")


def test_data_that_are_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    now = LAST + dt.timedelta(days=4)
    assert told(monkeypatch, now, max_age_days=4)
    with pytest.raises(StudyError, match=r"at most 3 days .*max_age_days.*2025-05-14, 4 days"):
        told(monkeypatch, now, max_age_days=3)
