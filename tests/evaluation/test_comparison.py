import json

import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.evaluation.bootstrap import measure
from neigung.evaluation.comparison import Comparison, compare
from neigung.language import Message
from tests.evaluation.columns import column

N = 800
ORDER = ("high", "medium", "low")


def bands(scores):
    return np.where(scores >= 0.8, "high", np.where(scores >= 0.4, "medium", "low"))


@pytest.fixture(scope="module")
def parts():
    rng = np.random.default_rng(0)
    p = rng.random(N)
    y = (rng.random(N) < p).astype(float)
    scores = {"this": p, "champion": np.clip(p + rng.normal(0, 0.25, N), 0, 1)}
    return {
        "y": y,
        "groups": np.arange(N),
        "scores": scores,
        "bands": {side: bands(one) for side, one in scores.items()},
        "importance": {
            "this": {"a": 3.0, "b": 1.0, "new": 0.0},
            "champion": {"a": 10.0, "b": 20.0, "gone": 10.0},
        },
        "columns": [column("a"), column("b"), column("new")],
        "band_order": ORDER,
        "repetitions": 60,
    }


@pytest.fixture(scope="module")
def comparison(parts):
    notes = [Message.read(("It had seen these rows.", "Er kannte diese Zeilen."))]
    return compare(4, **parts, notes=notes)


def test_metrics_are_differences_on_the_same_rows(comparison, parts):
    table = comparison.metrics.set_index("metric")
    for side in ("this", "champion"):
        expected = measure(parts["y"], parts["scores"][side])
        np.testing.assert_allclose(table[side], [expected[name] for name in table.index])
    np.testing.assert_allclose(table["difference"], table["this"] - table["champion"])
    assert 0 < table.loc["auroc", "low"] < table.loc["auroc", "difference"]
    # Paired: far narrower than either model's own interval.
    assert table.loc["auroc", "high"] - table.loc["auroc", "low"] < 0.05


def test_moves_count_every_customer_once(comparison, parts):
    moves = comparison.moves
    expected = pd.crosstab(parts["bands"]["champion"], parts["bands"]["this"])
    for row in moves.to_dict("records"):
        assert row["n"] == expected.loc[row["before"], row["now"]]
        assert row["share"] == row["n"] / expected.loc[row["before"]].sum()
    assert moves["n"].sum() == N
    assert moves["before"].tolist() == [name for name in ORDER for _ in ORDER]
    same = (parts["bands"]["champion"] == parts["bands"]["this"]).mean()
    assert comparison.stayed == same


def test_importance_is_compared_in_shares(comparison):
    table = comparison.importance.set_index("column")
    assert list(table.index) == ["a", "b", "new", "gone"]
    assert table["this"].tolist()[:3] == [0.75, 0.25, 0]
    assert table["champion"].tolist()[:2] == [0.25, 0.5]
    assert np.isnan(table.loc["gone", "this"])
    assert np.isnan(table.loc["new", "rank_champion"])
    assert table.loc["a", ["rank_this", "rank_champion"]].tolist() == [1, 2]
    assert table.loc["a", "text_de"] == "DE a"
    assert table.loc["gone", "text_en"] == "gone"


def test_sentences(comparison):
    english, german = comparison.sentences("auroc"), comparison.sentences("auroc", "de")
    assert english[0].startswith("Better than the champion (version 4): AUROC +0.0")
    assert german[0].startswith("Besser als der Champion (Version 4): AUROC +0,0")
    share = round(100 * comparison.stayed)
    assert english[1] == f"{share}% of the customers stay where the champion had put them."
    assert german[1] == f"{share} % der Kunden bleiben, wo der Champion sie eingeordnet hatte."
    assert f"{comparison.correlation:.2f}" in english[2]
    assert f"{comparison.correlation:.2f}".replace(".", ",") in german[2]
    assert (english[3], german[3]) == ("It had seen these rows.", "Er kannte diese Zeilen.")


def test_a_worse_an_equal_and_an_unclear_version(parts):
    p, y = parts["scores"]["this"], parts["y"]
    rng = np.random.default_rng(5)
    blurred = np.clip(p + rng.normal(0, 0.05, N), 0, 1)
    for this, champion, word in (
        (blurred * 0 + 0.5, p, "Worse than"),
        (p, p, "The same as"),
        (np.clip(blurred + rng.normal(0, 0.05, N), 0, 1), blurred, "No clear difference"),
    ):
        scores = {"this": this, "champion": champion}
        found = compare(1, **parts | {"scores": scores, "y": y})
        assert found.sentences("brier" if "Worse" in word else "auroc")[0].startswith(word)


def test_offers_are_compared_without_outcomes(parts):
    rng = np.random.default_rng(1)
    gain = rng.normal(1.0, 1.0, N)
    worth = {"this": gain, "champion": gain - 0.5 + rng.normal(0, 0.1, N)}
    arms = {side: np.where(one > 0.5, "10%", "none") for side, one in parts["scores"].items()}
    offers = {"y": None, "bands": arms, "band_order": ["none", "10%"]}
    bare = compare(2, **parts | offers)
    assert bare.metrics.empty
    assert "cannot be told" in bare.sentences()[0]
    assert "lässt sich aus diesem Test nicht sagen" in bare.sentences(language="de")[0]
    found = compare(2, **parts | offers, worth=worth)
    assert found.metrics["metric"].tolist() == ["policy_value"]
    assert found.metrics["low"][0] < 0.5 < found.metrics["high"][0]
    assert found.sentences()[0].startswith("Better than the champion (version 2): worth per")
    assert found.numbers()["moves.none.10%"] == found.moves["n"][1]


def test_numbers_are_those_of_the_tables(comparison):
    numbers = comparison.numbers()
    assert all(isinstance(value, float) and np.isfinite(value) for value in numbers.values())
    metrics = comparison.metrics.set_index("metric")
    assert numbers["champion.version"] == 4
    assert numbers["champion.auroc"] == metrics.loc["auroc", "champion"]
    assert numbers["against_champion.auroc.low"] == metrics.loc["auroc", "low"]
    assert numbers["moves.high.high"] == comparison.moves["n"][0]
    assert numbers["moves.high.high.share"] == comparison.moves["share"][0]
    assert numbers["importance_change.a.rank_champion"] == 2
    assert "importance_change.gone.this" not in numbers


def test_json_round_trip(comparison):
    text = json.dumps(comparison.to_dict(), allow_nan=False)
    again = Comparison.from_dict(json.loads(text))
    for name in ("metrics", "moves", "importance"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(comparison, name))
    assert again.notes == comparison.notes
    assert json.dumps(again.to_dict()) == text
    assert again.numbers() == comparison.numbers()


def test_one_outcome_one_row_and_no_spread(parts):
    one = {"y": np.zeros(1), "groups": ["a"], "importance": {"this": {}, "champion": {"a": 0.0}}}
    one |= {"scores": {"this": [0.5], "champion": [0.5]}}
    one |= {"bands": {"this": ["low"], "champion": ["high"]}}
    found = compare(1, **parts | one)
    assert found.stayed == 0
    assert "cannot be told" in found.sentences()[0]
    assert len(found.sentences()) == 2
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert np.isnan(Comparison.from_dict(json.loads(text)).correlation)
    assert "nan" not in found._repr_html_().lower()


def test_html_is_escaped(parts):
    hostile = {"columns": [column("a", text="<script>")], "notes": [Message("<b>")]}
    html = compare(1, **parts | hostile)._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html


def test_wrong_input(parts):
    with pytest.raises(InputError, match="needs scores of 'champion' for each of the 800 rows, fo"):
        compare(1, **parts | {"scores": {"this": parts["scores"]["this"]}})
    odd = {"this": parts["bands"]["this"], "champion": np.full(N, "top")}
    with pytest.raises(InputError, match="among high, medium, low, but found 'top'"):
        compare(1, **parts | {"bands": odd})
    with pytest.raises(InputError, match="worth of 'this' for each of the 800 rows, found 1"):
        compare(1, **parts | {"y": None}, worth={"this": [1.0], "champion": [1.0]})
