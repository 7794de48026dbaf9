import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from neigung.evaluation.fairness.group_differences import compare_groups

UNKNOWN = "(missing)"


def shop(n=1500, seed=7, levels=("a", "b", "c"), each=1):
    """Honest scores, their outcomes, whom they choose, and groups that have nothing to do with it.

    Customers have `each` rows with one outcome.
    """
    rng = np.random.default_rng(seed)
    p = np.repeat(rng.beta(1.5, 6, n // each), each).round(3)
    y = (np.repeat(rng.random(n // each), each) < p).astype(float)
    group = np.repeat(rng.choice(list(levels), n // each), each).astype(object)
    customers = np.repeat(np.arange(n // each), each)
    return group, p, p >= np.quantile(p, 0.9), customers, y


def compared(group, *given, repetitions=60, **more):
    labels = {"attribute_x": pd.Series(pd.Categorical(group))}
    return compare_groups(labels, *given, repetitions=repetitions, **more)


def row(table, level, measure=None):
    some = table[table["level"] == level]
    return (some if measure is None else some[some["measure"] == measure]).iloc[0]


@pytest.fixture(scope="module")
def plain():
    given = shop(levels=("a", "b", "c", UNKNOWN))
    return given, compared(*given, selected_without=given[1] > 0.3)


def test_a_group_has_its_own_numbers(plain):
    (group, p, selected, _, y), (groups, _) = plain
    for level in ("a", "b", "c", UNKNOWN):
        inside = group == level
        others = ~inside & (group != UNKNOWN)
        found = row(groups, level)
        expected = {
            "n": inside.sum(),
            "positives": y[inside].sum(),
            "score": p[inside].mean(),
            "observed": y[inside].mean(),
            "error": p[inside].mean() - y[inside].mean(),
            "score_difference": p[inside].mean() - p[others].mean(),
            "selected": selected[inside].mean(),
            "selected_difference": selected[inside].mean() - selected[others].mean(),
            "found": selected[inside & (y == 1)].mean(),
            "found_difference": selected[inside & (y == 1)].mean()
            - selected[others & (y == 1)].mean(),
            "auroc": roc_auc_score(y[inside], p[inside]),
            "selected_without": (p[inside] > 0.3).mean(),
        }
        assert found[list(expected)].to_dict() == pytest.approx(expected)
        assert found["reason"] == ""


def test_intervals_are_as_wide_as_theory_says(plain):
    (group, p, selected, _, y), (groups, _) = plain
    inside, others = group == "a", (group != "a") & (group != UNKNOWN)
    found = row(groups, "a")
    for name, values in (("selected", selected), ("score", p)):
        error = np.sqrt(sum(values[one].var() / one.sum() for one in (inside, others)))
        width = found[f"{name}_difference_high"] - found[f"{name}_difference_low"]
        assert width == pytest.approx(2 * 1.96 * error, rel=0.35)
    width = found["error_high"] - found["error_low"]
    assert width == pytest.approx(
        2 * 1.96 * (p - y)[inside].std() / np.sqrt(inside.sum()), rel=0.35
    )
    assert found["auroc_low"] < found["auroc"] < found["auroc_high"]


def test_the_unknown_are_shown_but_not_compared(plain):
    _, (groups, comparisons) = plain
    assert set(groups["level"]) == {"a", "b", "c", UNKNOWN}
    assert set(comparisons["level"]) == {"a", "b", "c"}
    measures = ["observed", "error", "selected", "found", "auroc"]
    assert comparisons[comparisons["level"] == "b"]["measure"].tolist() == measures
    assert comparisons.loc[comparisons["measure"] == "observed", "p"].isna().all()


def test_a_group_of_which_nobody_is_chosen_has_an_interval():
    group, p, selected, customers, y = shop()
    groups, comparisons = compared(group, p, selected & (group != "a"), customers, y)
    found = row(groups, "a")
    assert found["selected"] == found["found"] == 0
    assert found["selected_difference_low"] < found["selected_difference"]
    assert row(comparisons, "a", "selected")["concern"]
    groups, _ = compared(group, p, group != "a", customers, y)
    found = row(groups, "a")
    assert found["selected_difference"] == -1
    assert -1 < found["selected_difference_low"] < found["selected_difference_high"] < -0.98


def test_an_honest_model_raises_hardly_any_alarm():
    def alarms(each):
        given = (shop(600, seed, each=each) for seed in range(12))
        return sum(compared(*one)[1]["beyond_chance"].any() for one in given)

    assert alarms(each=1) <= 2
    # Four rows of one customer are no four customers.
    assert alarms(each=4) <= 2


def test_a_planted_error_is_found_where_it_is():
    group, p, selected, customers, y = shop(3000)
    wrong = np.where(group == "b", p * 0.5, p)
    _, comparisons = compared(group, wrong, selected, customers, y)
    concerns = comparisons[comparisons["concern"]]
    assert set(concerns["measure"]) == {"error"}
    found = concerns.loc[concerns["difference"].abs().idxmax()]
    assert found["level"] == "b"
    assert found["difference"] == pytest.approx(found["value"] - found["others"])
    assert found["low"] < found["difference"] < found["high"] < 0
    assert found["p"] < 0.05


def test_a_poor_ranking_of_one_group_is_found():
    group, p, selected, customers, y = shop(3000)
    rng = np.random.default_rng(1)
    p = np.where(group == "c", rng.permutation(p), p)
    _, comparisons = compared(group, p, selected, customers, y)
    assert row(comparisons, "c", "auroc")["concern"]
    # The others rank better than the rest, which is no concern.
    assert not comparisons[comparisons["level"] != "c"]["concern"].any()


def test_unequal_selection_is_no_concern_where_the_outcome_explains_it():
    rng = np.random.default_rng(2)
    group = rng.choice(["rare", "often", "also"], 4000)
    p = np.where(group == "rare", 0.4, 1.0) * rng.beta(3, 6, 4000)
    y = (rng.random(4000) < p).astype(float)
    chosen = p > np.quantile(p, 0.8)
    _, comparisons = compared(group, p, chosen, np.arange(4000), y)
    found = row(comparisons, "rare", "selected")
    assert found["beyond_chance"]
    assert found["large"]
    assert found["explained"]
    assert not found["concern"]
    # Scores that do not hold explain nothing, nor does an outcome that is alike.
    _, comparisons = compared(group, np.where(group == "rare", p / 2, p), chosen, range(4000), y)
    assert row(comparisons, "rare", "selected")["concern"]
    alike = rng.random(4000) < 0.3
    _, comparisons = compared(group, p, chosen, range(4000), alike.astype(float))
    assert row(comparisons, "rare", "selected")["concern"]


def test_small_differences_are_no_concern_however_sure():
    rng = np.random.default_rng(3)
    group = rng.choice(["a", "b", "c"], 30_000)
    chosen = rng.random(30_000) < np.where(group == "a", 0.45, 0.5)
    score = np.full(30_000, 0.3)
    _, comparisons = compared(group, score, chosen, np.arange(30_000), repetitions=20)
    found = row(comparisons, "a", "selected")
    assert found["beyond_chance"]
    assert not found["large"]
    assert not found["concern"]


def test_of_two_groups_the_smaller_is_compared():
    group, *given = shop(600)
    group = np.where(group == "a", "few", "many")
    assert set(compared(group, *given)[1]["level"]) == {"few"}


def test_without_outcomes_scores_and_choice_remain():
    group, p, selected, customers, _ = shop(600)
    groups, comparisons = compared(group, p - 0.5, selected, customers)
    assert set(comparisons["measure"]) == {"selected"}
    unknown = ["positives", "observed", "error", "error_low", "found", "auroc", "auroc_high"]
    assert groups[unknown].isna().all().all()
    assert groups[["score_difference_low", "selected_difference_high"]].notna().all().all()
    assert (groups["reason"] == "").all()


def test_too_few_rows_or_outcomes_are_named():
    group, p, selected, customers, y = shop(600)
    y[group == "b"] = 0
    y[np.flatnonzero(group == "b")[-4:]] = 1
    group[:20] = "tiny"
    groups, comparisons = compared(group, p, selected, customers, y)
    tiny, outcomes = row(groups, "tiny"), row(groups, "b")
    assert tiny["reason"] == "needs 50 rows, found 20"
    assert tiny[["score", "selected", "auroc", "selected_difference_low"]].isna().all()
    assert outcomes["reason"] == "needs 10 rows of each outcome, found 4"
    assert np.isnan(outcomes["auroc"])
    assert np.isfinite(outcomes["found_difference_low"])
    told = set(zip(comparisons["level"], comparisons["measure"], strict=True))
    assert ("b", "error") in told
    assert ("b", "auroc") not in told
    assert not any(level == "tiny" for level, _ in told)


def test_one_group_has_nothing_to_be_compared_with():
    _, *given = shop(300)
    groups, comparisons = compared(["a"] * 300, *given)
    assert groups["reason"].tolist() == ["needs 50 rows of other groups, found 0"]
    assert np.isfinite(groups["error_low"][0])
    assert np.isnan(groups["selected_difference"][0])
    assert comparisons.empty


def test_a_single_customer_has_no_interval():
    group, p, selected, _, y = shop(300)
    groups, comparisons = compared(group, p, selected, ["c"] * 300, y)
    assert groups["score"].notna().all()
    assert groups[["error_low", "selected_difference_high", "auroc_low"]].isna().all().all()
    assert comparisons.empty


def test_no_attribute_gives_empty_tables():
    _, *given = shop(60)
    groups, comparisons = compare_groups({}, *given)
    assert groups.empty
    assert comparisons.empty
    assert {"attribute", "level", "reason"} < set(groups)
    assert comparisons["concern"].dtype == bool


def test_the_order_of_the_rows_and_equal_scores_change_nothing():
    group, p, selected, customers, y = shop(600)
    p = p.round(1)
    turned = np.random.default_rng(4).permutation(600)
    given = (group, p, selected, customers, y)
    groups, _ = compared(*given, repetitions=2)
    again, _ = compared(*(one[turned] for one in given), repetitions=2)
    point = ["n", "score", "error", "selected_difference", "found", "auroc"]
    pd.testing.assert_frame_equal(groups[point], again[point])
