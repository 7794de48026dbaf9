from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from neigung.evaluation.offers.offer_evaluation import evaluate_offers
from neigung.judgement.fitness import judge_fitness
from tests.evaluation.offer_trials import ARMS, offers


@pytest.fixture(scope="module")
def evaluation():
    return evaluate_offers(offers(n=6000))


def light(key, evaluation):
    return judge_fitness(evaluation).light(key)


def test_the_choice_is_judged_by_its_verdict(evaluation):
    one = light("effect", evaluation)
    assert one.status == ("good" if evaluation.verdict.beats_baseline else "bad")
    assert (one.text(), one.text("de")) == (evaluation.verdict.text_en, evaluation.verdict.text_de)
    nothing = light("effect", evaluate_offers(offers(n=600, effect=0.0)))
    assert nothing.status == "bad"


@pytest.mark.parametrize(
    ("verdicts", "status", "told"),
    [
        (("found", "found", "found"), "good", "found for every arm: 5%, 10%, 20%."),
        (("none", "none", "found"), "good", "found for 1 of 3 arms (20%), and none"),
        (("unknown", "none", "found"), "care", "data on 1 of 3 arms (5%); an effect was found for "
         "1."),
        (("none", "none", "none"), "care", "No arm has an effect as large"),
        (("unknown", "unknown", "unknown"), "unknown", "any of the 3 arms"),
    ],
)  # fmt: skip
def test_arms(evaluation, verdicts, status, told):
    table = evaluation.arm_effects.assign(verdict=verdicts)
    one = light("arms", replace(evaluation, arm_effects=table))
    assert (one.status, told in one.text()) == (status, True), one.text()
    assert one.text("de") != one.text()


def test_placebo(evaluation):
    assert light("placebo", evaluation).status == "unknown"
    row = ("qini", "", 0.01, 0.005, 0.015, False)
    columns = ["check", "arm", "value", "low", "high", "found"]
    quiet = replace(evaluation, placebo=pd.DataFrame([row], columns=columns))
    assert light("placebo", quiet).status == "good"
    loud = replace(evaluation, placebo=quiet.placebo.assign(found=True))
    assert light("placebo", loud).status == "bad"
    assert "nicht zu trauen" in light("placebo", loud).text("de")


def test_offers_by_lot_can_be_compared(evaluation):
    one = light("overlap", evaluation)
    assert one.status == "good"
    assert "100% of the offers were drawn by lot" in one.text()
    assert "0,1 Standardabweichungen" in one.text("de")


def test_offers_that_people_gave_need_care():
    one = light("overlap", evaluate_offers(offers(n=3000, targeted=0.5)))
    assert (one.status, one.text()[:33]) == ("care", "Only 0% of the offers were drawn ")
    nearly = offers(n=3000, randomised=np.arange(3000) % 1000 > 0)
    assert light("overlap", evaluate_offers(nearly)).text().find("99% of the offers") > 0


def test_arms_without_support_need_care(evaluation):
    table = evaluation.overlap
    lost = table.assign(usable=table["arm"] != "20%")
    one = light("overlap", replace(evaluation, overlap=lost))
    assert (one.status, one.text()[:36]) == ("care", "1 of 3 arms cannot be compared, beca")
    assert one.text().endswith("20%.")
    none = light("overlap", replace(evaluation, overlap=table.assign(usable=False)))
    assert none.status == "bad"


def test_features_that_differ_beyond_chance_need_care(evaluation):
    table = evaluation.balance.assign(after=0.09)
    assert light("overlap", replace(evaluation, balance=table)).status == "good"
    table.loc[table["column"] == "z", "after"] = -0.3
    one = light("overlap", replace(evaluation, balance=table))
    assert one.status == "care"
    assert "1 of 2 features differ between the arms, most of all z (0.30 standard" in one.text()
    assert "(0,30 Standardabweichungen)" in one.text("de")
    # Between small groups as much may be chance.
    few = evaluation.overlap.assign(effective=60.0)
    assert light("overlap", replace(evaluation, balance=table, overlap=few)).status == "good"


def test_offers_without_answers_are_judged_without_a_fault():
    lights = judge_fitness(evaluate_offers(offers(n=60, X=None))).lights[:4]
    assert [one.status for one in lights] == ["bad", "unknown", "unknown", "bad"]
    assert not any("nan" in one.text(language) for one in lights for language in ("en", "de"))


def test_names_of_arms_may_be_anything():
    arms = {"5%": "<b>{0}", "10%": "$a^$", "20%": "x", "none": "none"}
    given = offers(n=600)
    changed = replace(
        given,
        arms=[arms[name] for name in given.arms],
        arm=np.array([arms[name] for name in given.arm], dtype=object),
        chosen=np.array([arms[name] for name in given.chosen], dtype=object),
        same_for_all=arms[given.same_for_all],
        **{
            name: getattr(given, name).rename(columns=arms)
            for name in ("probabilities", "expected", "expected_worth", "uplift")
        },
    )
    evaluation = evaluate_offers(changed)
    assert len(judge_fitness(evaluation).lights) == 8
    assert "effect.<b>{0}" in evaluation.numbers()
    for name in ("effects", "policies", "qini", "bands"):
        getattr(evaluation, f"plot_{name}")("de").canvas.draw()
    assert len(ARMS) == 4
