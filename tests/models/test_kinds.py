"""Every target is learned by one kind, and every part of a kind is where the registry says."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from neigung.errors import InputError
from neigung.models import kinds
from neigung.models.artefact import load_artefact
from neigung.models.kinds import KINDS, OFFERS, PROPENSITY, Kind
from neigung.models.sealed import seal
from neigung.models.version import Cutoffs, Version
from neigung.study import complaints
from neigung.targets import target


def test_each_target_has_one_kind() -> None:
    assert sorted(target for kind in KINDS for target in kind.targets) == sorted(complaints.KINDS)
    assert [kinds.of_target(target) for target in ("churn", "offer")] == [PROPENSITY, OFFERS]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_part_is_there(kind: Kind) -> None:
    for part in (kind.artefact, kind.fit, kind.evaluation, kind.report):
        assert callable(part)
    assert kinds.named(kind.name) is kind
    face = {name for name in vars(Version) if not name.startswith("_")}
    assert face <= {*dir(kind.artefact), *kind.artefact.__dataclass_fields__}


def test_an_artefact_of_no_known_kind_is_refused() -> None:
    files = seal({"format_version": 1, "forecast": {}}, {})
    with pytest.raises(InputError, match=r"needs one of classifier, offer_model, but has none"):
        load_artefact(files)


def test_cutoffs_are_read_from_every_shape() -> None:
    fixed = Cutoffs.read({"train": ["2025-02-01", "2025-01-01"], "test": "2025-04-01"}, 30)
    assert fixed.train == (dt.datetime(2025, 1, 1), dt.datetime(2025, 2, 1))
    assert fixed.trained_until == dt.datetime(2025, 3, 3)
    spans = {"train_until": "2025-02-01", "test_start": "2025-03-03", "test_end": "2025-05-01"}
    of_offers = Cutoffs.read({**spans, "horizon_days": 30}, 30)
    assert of_offers.train == (dt.datetime(2025, 2, 1),)
    assert of_offers.test == of_offers.trained_until == dt.datetime(2025, 3, 3)
    nothing = Cutoffs.read(None, 30)
    assert (nothing.train, nothing.test, nothing.trained_until) == ((), None, None)


def test_no_code_asks_which_kind_something_is() -> None:
    names = "Offer|Propensity|Purchase|Churn|Custom|Artefact|Evaluation|Uplift"
    classes = re.compile(rf"isinstance\([^()]*, \(?({names})")
    source = Path(kinds.__file__).parents[1]
    asked = [file for file in source.rglob("*.py") if classes.search(file.read_text("utf-8"))]
    assert asked == []


def test_every_target_has_what_it_takes() -> None:
    assert sorted(target.KINDS) == sorted(complaints.KINDS)
