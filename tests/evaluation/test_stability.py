import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from neigung.errors import InputError
from neigung.evaluation.stability import Stability, assess_stability, rank_correlation, seed_table
from tests.evaluation.columns import column

COLUMNS = [
    *(column(name) for name in ("steady", "moved", "leak", "hump", "flat")),
    *(column(name, "category") for name in ("town", "odd")),
]


def rows(n, seed, moved=0.0):
    """A frame and its outcomes: `leak` knows them, `hump` where it is near zero, the rest not."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.2).astype(float)
    frame = pd.DataFrame(
        {
            "steady": np.where(rng.random(n) < 0.3, np.nan, rng.lognormal(size=n)),
            "moved": rng.normal(moved, 1, n),
            "leak": -y + rng.normal(0, 0.2, n),
            "hump": np.where(y == 1, rng.normal(0, 0.2, n), rng.normal(0, 2, n)),
            "flat": 1.0,
            "town": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "odd": np.where(y == 1, "yes", rng.choice(["no", "maybe", "never"], n)),
        }
    )
    return frame, y


@pytest.fixture(scope="module")
def parts():
    before, train_y = rows(1500, 1)
    test, test_y = rows(1200, 2, moved=0.35)
    now, _ = rows(1000, 3, moved=1.0)
    rng = np.random.default_rng(4)
    scores = {"before": rng.random(1500), "test": rng.random(1200), "now": rng.random(1000) ** 2}
    importance = {"leak": 5.0, "steady": 3.0, "moved": 1.0, "odd": 0.5, "town": 0.5}
    seeds = seed_table(
        "auroc", scores["test"], {1: scores["test"] ** 2, 2: rng.random(1200)}, test_y
    )
    return {
        "before": before,
        "after": {"test": test, "now": now},
        "columns": COLUMNS,
        "scores": scores,
        "importance": importance,
        "train_y": train_y,
        "test_y": test_y,
        "seeds": seeds,
    }


@pytest.fixture(scope="module")
def stability(parts):
    return assess_stability(**parts)


def test_drift_finds_what_moved_and_nothing_else(stability):
    levels = stability.drift.set_index(["column", "against"])["level"]
    assert levels["moved", "test"] == "some"
    assert levels["moved", "now"] == "strong"
    assert levels["score", "test"] == "none"
    assert levels["score", "now"] == "strong"
    others = stability.drift[~stability.drift["column"].isin(["moved", "score"])]
    assert set(others["level"]) == {"none"}
    assert len(stability.drift) == 2 * (len(COLUMNS) + 1)
    first = stability.drift.iloc[0]
    assert (first["column"], first["text_de"]) == ("score", "Die Vorhersage selbst")
    steady = stability.drift[stability.drift["column"] == "steady"].iloc[0]
    assert steady["missing_before"] == pytest.approx(0.3, abs=0.04)
    assert steady["text_en"] == "EN steady"


def test_leaks_are_found_by_weight_and_by_what_a_column_tells_alone(stability, parts):
    leaks = stability.leaks.set_index("column")
    assert leaks["share"].sum() == pytest.approx(1)
    assert list(leaks.index[:3]) == ["leak", "steady", "moved"]
    assert leaks.loc["leak", "share"] == 0.5
    # Either way round: the outcome has the small values.
    y, values = parts["test_y"], parts["after"]["test"]["leak"]
    assert leaks.loc["leak", "auroc"] == pytest.approx(1 - roc_auc_score(y, values))
    # Neither ranks nor any order of names tell of these.
    assert leaks.loc["hump", "auroc"] > 0.85
    assert leaks.loc["odd", "auroc"] == 1
    assert leaks.loc[["steady", "moved", "flat", "town"], "auroc"].max() < 0.56
    assert leaks.loc["flat", "auroc"] == 0.5
    assert set(leaks.index[leaks["suspicious"]]) == {"leak", "odd"}


def test_too_few_outcomes_and_offers_are_judged_by_weight_only(parts):
    few = parts["test_y"] * (np.cumsum(parts["test_y"]) <= 9)
    for changes in (
        {"test_y": few},
        {"test_y": np.zeros(1200)},
        {"train_y": None, "test_y": None},
        {"train_y": np.ones(1500)},
    ):
        leaks = assess_stability(**parts | changes).leaks
        assert leaks["auroc"].isna().all()
        assert leaks["column"][leaks["suspicious"]].tolist() == ["leak"]


def test_meaningless_columns_do_not_look_like_leaks():
    columns = [column(f"c{i}") for i in range(150)]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        before, test = (
            pd.DataFrame(rng.normal(size=(60, 150)), columns=[one.name for one in columns])
            for _ in range(2)
        )
        y = (np.arange(60) < 10).astype(float)
        found = assess_stability(
            before,
            {"test": test},
            columns,
            scores={"before": y, "test": y},
            importance={},
            train_y=y,
            test_y=y,
        )
        assert found.leaks["auroc"].max() < 0.95
        assert not found.leaks["suspicious"].any()


def test_few_or_no_rows_are_said_to_be_unknown(parts):
    after = {"test": parts["after"]["test"][:49], "now": parts["after"]["now"][:0]}
    scores = {
        "before": parts["scores"]["before"],
        "test": parts["scores"]["test"][:49],
        "now": np.empty(0),
    }
    changes = {"after": after, "scores": scores, "test_y": parts["test_y"][:49], "seeds": None}
    found = assess_stability(**parts | changes)
    assert set(found.drift["level"]) == {"unknown"}
    assert found.drift["psi"].isna().all()
    assert "drift.score.test" not in found.numbers()
    assert found.seeds.empty
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert "nan" not in found._repr_html_().lower()


def test_numbers_are_those_of_the_tables(stability):
    numbers = stability.numbers()
    assert all(isinstance(value, float) and np.isfinite(value) for value in numbers.values())
    drift = stability.drift.set_index(["column", "against"])
    assert numbers["drift.moved.now"] == drift.loc[("moved", "now"), "psi"]
    assert numbers["drift.score.test.chance"] == drift.loc[("score", "test"), "chance"]
    gap = drift.loc[("steady", "now"), "missing_after"]
    assert numbers["drift.steady.now.missing_after"] == gap
    assert numbers["leak.leak.share"] == 0.5
    assert numbers["leak.odd.auroc"] == 1
    seeds = stability.seeds.set_index("seed")
    assert numbers["seed.2.correlation"] == seeds.loc[2, "correlation"]
    assert numbers["seed.0.value"] == seeds.loc[0, "value"]
    assert numbers["seed.1.same_top"] == 1


def test_json_round_trip(stability):
    text = json.dumps(stability.to_dict(), allow_nan=False)
    again = Stability.from_dict(json.loads(text))
    for name in ("drift", "seeds", "leaks"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(stability, name))
    assert json.dumps(again.to_dict()) == text
    assert again.numbers() == stability.numbers()


def test_html_is_escaped(parts):
    hostile = [column("steady", text="<script>"), column("moved")]
    html = assess_stability(**parts | {"columns": hostile})._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_seeds_are_compared_on_the_same_rows():
    rng = np.random.default_rng(0)
    p = rng.random(400)
    y = (rng.random(400) < p).astype(float)
    other = np.clip(p + rng.normal(0, 0.1, 400), 0, 1)
    table = seed_table("average_precision", p, {8: other, 9: 0 * p + 0.5}, y, registered_seed=7)
    assert table["seed"].tolist() == [7, 8, 9]
    assert table["registered"].tolist() == [True, False, False]
    expected = [average_precision_score(y, one) for one in (p, other)]
    np.testing.assert_allclose(table["value"][:2], expected)
    best = [set(np.argsort(-one)[:40]) for one in (p, other)]
    assert table["same_top"][1] == pytest.approx(len(best[0] & best[1]) / 40)
    assert table["correlation"][1] == pytest.approx(pd.Series(p).corr(pd.Series(other), "spearman"))
    # The same for everybody has no order, and a tenth of it is any tenth.
    assert np.isnan(table["correlation"][2])
    assert table["same_top"][2] == pytest.approx(0.1)
    offers = seed_table(None, p, {8: other})
    assert offers["value"].isna().all()
    assert offers["correlation"][1] == table["correlation"][1]


def test_equal_scores_at_the_limit_count_in_proportion():
    coarse = np.repeat([0.9, 0.5, 0.1], [5, 45, 50])
    other = np.repeat([0.9, 0.1, 0.5], [5, 50, 45])
    table = seed_table(None, coarse, {1: coarse, 2: other})
    # Five are surely in the top ten; the other five are any of 45, of whom the two lists share 0.
    assert table["same_top"].tolist() == pytest.approx([1, 1, 0.5])


def test_rank_correlation_of_nothing():
    assert np.isnan(rank_correlation([], []))
    assert np.isnan(rank_correlation([1.0], [2.0]))


def test_wrong_input(parts):
    frame = parts["after"]["test"].drop(columns=["steady", "town"])
    scores = {name: parts["scores"][name] for name in ("before", "test")}
    with pytest.raises(InputError, match="'test' need all 7 columns of the model, but lack steady"):
        assess_stability(**parts | {"after": {"test": frame}})
    with pytest.raises(InputError, match="compared with 'test' and 'now', but found 'later'"):
        assess_stability(**parts | {"after": {"later": parts["before"]}})
    with pytest.raises(InputError, match="1000 rows 'now' need as many scores, but found none"):
        assess_stability(**parts | {"scores": scores})
    with pytest.raises(InputError, match="1200 rows 'test' need as many outcomes, found 3"):
        assess_stability(**parts | {"test_y": [0, 1, 0]})
    with pytest.raises(InputError, match="seed 1 has scores of shape"):
        seed_table(None, [0.1, 0.2], {1: [0.1]})
    with pytest.raises(InputError, match=r"among auroc.*, but found gini"):
        seed_table("gini", [0.1, 0.2], {1: [0.1, 0.2]}, [0, 1])
