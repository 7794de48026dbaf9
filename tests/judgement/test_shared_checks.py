from types import SimpleNamespace

import pandas as pd
import pytest

from neigung.evaluation.stability import Stability
from neigung.judgement.check import Examined
from neigung.judgement.checks import CHECKS
from neigung.language import Message
from neigung.models.leaks import Leak


def stability(drift=(), leaks=(), seeds=()):
    """drift: column, against, psi, level; leaks: column, share, auroc; seeds: value,
    correlation, same_top."""
    named = {"text_en": "", "text_de": "", "chance": 0.01, "missing_before": 0, "missing_after": 0}
    one = pd.DataFrame(drift, columns=["column", "against", "psi", "level"]).assign(**named)
    one = one.assign(text_en="EN " + one["column"], text_de="DE " + one["column"])
    two = pd.DataFrame(leaks, columns=["column", "share", "auroc"])
    two = two.assign(text_en="EN " + two["column"], text_de="DE " + two["column"], suspicious=False)
    three = pd.DataFrame(seeds, columns=["value", "correlation", "same_top"])
    three = three.assign(seed=range(len(three)), metric="auroc")
    return Stability(one, three.assign(registered=three["seed"] == 0), two)


def light(key, found=None, fairness=None, lead=0.1, beats=True, leaks=(), known=()):
    verdict = SimpleNamespace(difference=lead, beats_baseline=beats)
    evaluation = SimpleNamespace(metric="auroc", verdict=verdict)
    [check] = [check for check in CHECKS["offer"] if check.code == key]
    return check.light(Examined(evaluation, found, fairness, leaks, known))


def fairness(
    concerns=(),
    attributes=("age", "age", "sex", "sex"),
    reason="",
    level="a",
    doubts=(),
    unneeded=False,
):
    groups = pd.DataFrame({"attribute": attributes, "level": level, "reason": reason, "n": 30})
    comparisons = groups.assign(p=float("nan") if reason else 0.5)
    told = {"en": concerns, "de": [f"DE {text}" for text in concerns]}
    return SimpleNamespace(
        groups=groups,
        comparisons=comparisons,
        concerns=lambda language="en": told[language],
        doubts=lambda language="en": [f"{language}: {text}" for text in doubts],
        unneeded=lambda metric: unneeded and metric == "auroc",
        n_rows=120,
    )


def test_what_was_not_examined_is_unknown():
    for key in ("fairness", "drift", "leak", "seed"):
        one = light(key)
        assert one.status == "unknown"
        assert one.text() != one.text("de")
        assert light(key, stability()).status == "unknown"


SCORE = ("score", "test", 0.05, "none")


@pytest.mark.parametrize(
    ("rows", "status", "told"),
    [
        ([SCORE], "good", "as in the training (PSI 0.05, up to the test), and features that moved "
         "strongly have 0% of the weight"),
        ([SCORE, ("score", "now", 0.2, "some")], "care", "somewhat since the training: PSI 0.20 up "
         "to the newest data"),
        ([("score", "test", 0.9, "strong"), ("score", "now", 0.3, "some")], "care",
         "strongly since the training: PSI 0.90 up to the test"),
        ([SCORE, ("heavy", "now", 0.3, "strong"), ("light", "now", 5, "strong")], "care",
         "Features with 25% of the weight have moved strongly since the training, most of all "
         "“EN heavy” (PSI 0.30, up to the newest data)"),
        ([SCORE, ("light", "test", 5, "strong"), ("light", "now", 5, "strong")], "good",
         "moved strongly have 1% of the weight"),
        ([SCORE, ("heavy", "now", 0.2, "some")], "good", "have 0% of the weight"),
        # By chance alone the index may be large.
        ([("score", "test", 0.3, "none")], "good", "(PSI 0.30"),
        ([("score", "test", float("nan"), "unknown")], "unknown", "too few customers"),
    ],
)  # fmt: skip
def test_drift(rows, status, told):
    leaks = [("other", 0.75, 0.5), ("heavy", 0.24, 0.5), ("light", 0.01, 0.5)]
    one = light("drift", stability(rows, leaks))
    assert one.status == status
    assert told in one.text()
    assert "." not in one.text("de").replace("training.", "").rstrip(".")


@pytest.mark.parametrize(
    ("rows", "status", "told"),
    [
        ([("a", 0.3, 0.7), ("b", 0.2, 0.6)], "good", "the weightiest, “EN a”, has 30% of the"),
        ([("a", 0.4, 0.7), ("b", 0.2, 0.6)], "care", "“EN a” alone has 40% of the contributions"),
        ([("a", 0.3, 0.7), ("b", 0.0, 0.96)], "care", "“EN b” alone separates the outcomes almost "
         "completely (AUROC 0.960)"),
        ([("a", 0.9, 0.94)], "care", "“EN a” alone has 90%"),
        ([("a", 0.9, 0.97)], "bad", "“EN a” nearly decides alone: AUROC 0.970 by itself, and "
         "features like it have 90%"),
        # The same fact in two windows shares the weight.
        ([("a", 0.41, 0.99), ("b", 0.4, 0.98), ("c", 0.19, 0.5)], "bad", "have 81%"),
        # An attribute of customers that tells the outcome needs no such weight.
        ([("attribute_total", 0.06, 0.96), ("b", 0.5, 0.6)], "bad", "“EN attribute_total” nearly"),
        ([("attribute_total", 0.04, 0.96), ("b", 0.3, 0.6)], "care", "“EN attribute_total” alone"),
        # Offers have no outcome that a column could tell.
        ([("a", 0.9, float("nan"))], "care", "“EN a” alone has 90%"),
        ([("a", 0.2, float("nan"))], "good", "“EN a”, has 20%"),
        ([("a", 0.0, 0.5)], "unknown", "nothing of any feature"),
    ],
)  # fmt: skip
def test_leak(rows, status, told):
    one = light("leak", stability(leaks=rows))
    assert one.status == status
    assert told in one.text()
    assert "nan" not in one.text("de")


def test_quotation_marks_within_quotation_marks():
    found = stability(leaks=[("a", 0.3, 0.7)])
    found.leaks["text_en"] = "Attribute “age”"
    found.leaks["text_de"] = "Merkmal „Alter“"
    one = light("leak", found)
    assert "“Attribute ‘age’”" in one.text()
    assert "„Merkmal ‚Alter‘“" in one.text("de")


def test_seed():
    nearly = light("seed", stability(seeds=[(0.8, 1, 1), (0.8, 0.9999, 1)]))
    assert "rank correlation 0.99 or more" in nearly.text()
    steady = stability(seeds=[(0.8, 1, 1), (0.79, 0.95, 0.8), (0.81, 0.97, 0.7)])
    one = light("seed", steady)
    assert one.status == "good"
    assert "rank correlation 0.95 or more, and 70% or more of the top tenth" in one.text()
    assert "mindestens 0,95" in one.text("de")
    # The lead over the baseline is smaller than twice what the seed does.
    close = light("seed", steady, lead=0.03)
    assert close.status == "care"
    assert "differs by 0.020 in AUROC, more than half its lead" in close.text()
    assert light("seed", steady, lead=-0.03, beats=False).status == "good"
    loose = light("seed", stability(seeds=[(0.8, 1, 1), (0.8, 0.89, 0.6)]))
    assert loose.status == "care"
    assert "down to 0.89, and only 60% of" in loose.text()
    offers = stability(seeds=[(float("nan"), 1, 1), (float("nan"), 0.96, 0.8)])
    assert light("seed", offers).status == "good"
    constant = light("seed", stability(seeds=[(0.5, 1, 1), (0.5, float("nan"), 0.1)]))
    assert (constant.status, "nan" in constant.text()) == ("unknown", False)
    assert light("seed", stability(seeds=[(0.8, 1, 1)])).status == "unknown"


def test_sensitive_columns_that_bring_nothing_are_a_reservation():
    one = light("fairness", fairness=fairness(unneeded=True))
    assert one.status == "care"
    assert "as good without them" in one.text()
    assert "Datenminimierung" in one.text("de")


def test_large_differences_are_told_even_if_they_may_be_chance():
    one = light("fairness", fairness=fairness(doubts=["65+ are chosen half as often."]))
    assert one.status == "good"
    assert one.text().endswith("perhaps chance: en: 65+ are chosen half as often.")
    assert one.text("de").endswith("vielleicht Zufall: de: 65+ are chosen half as often.")


def test_drift_within_chance_does_not_call_a_large_psi_the_same():
    one = light("drift", stability([("score", "test", 0.57, "none")]))
    assert one.status == "good"
    assert "no more than by chance" in one.text()
    assert "nicht mehr verschoben als durch Zufall" in one.text("de")


def test_fairness():
    good = light("fairness", fairness=fairness())
    assert (good.status, good.text()[:26]) == ("good", "Of 2 sensitive attributes,")
    one = light("fairness", fairness=fairness(attributes=("sex", "sex")))
    assert "einzigen sensiblen Angabe" in one.text("de")
    assert "Not compared" not in good.text()
    partly = light("fairness", fairness=fairness(level="(missing)"))
    assert partly.text().endswith("is not known: up to 25% of the customers.")
    assert partly.text("de").endswith("nicht bekannt ist: bis zu 25 % der Kunden.")
    care = light("fairness", fairness=fairness(["The old are scored lower."]))
    assert (care.status, care.text()) == ("care", "The old are scored lower.")
    more = light("fairness", fairness=fairness(["A.", "B.", "C."]))
    assert more.text() == "A. There are 2 more concerns."
    assert more.text("de") == "DE A. Es gibt 2 weitere Bedenken."
    assert "one more concern" in light("fairness", fairness=fairness(["A.", "B."])).text()
    nobody = light("fairness", fairness=fairness(attributes=()))
    assert nobody.status == "unknown"
    assert "no attribute such as age" in nobody.text()
    small = light("fairness", fairness=fairness(reason="needs 50 rows, found 3"))
    assert (small.status, "large enough" in small.text()) == ("unknown", True)


def test_a_leak_that_is_proven_is_bad_whatever_it_weighs_and_a_declared_one_is_none():
    found = stability(leaks=[("a", 0.9, 0.97), ("b", 0.1, 0.6)])
    proven = [
        Leak("b", Message.read(("b lies after the cutoff", "b liegt danach"))),
        Leak("c", Message("c")),
    ]
    one = light("leak", found, leaks=proven)
    assert one.status == "bad"
    assert one.text() == (
        "A feature holds what came after the cutoff: b lies after the cutoff. 1 more do."
    )
    assert "b liegt danach." in one.text("de")
    assert light("leak", found, known=["a"]).status == "good"
    assert light("leak", found, known=["a", "b"]).status == "good"
