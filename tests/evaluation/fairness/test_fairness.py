import json
from dataclasses import replace
from io import BytesIO

import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.evaluation.fairness.fairness import Fairness, assess_fairness
from neigung.features.feature import Column

N = 1500
HOSTILE = "<b>$\\frac{$</b>\n" + "x" * 200


def attribute(name, kind="category"):
    texts = (f"Attribute “{name}”", f"Merkmal „{name}“")
    name = f"attribute_{name}"
    return Column(name, name, None, "ratio", "attributes", kind, *texts)


SLOW = Column("slow", "slow", None, "days", "rhythm", "number", "Slow clicks", "Langsame Klicks")


def assess(values=None, n=300, **changes):
    """Honest scores of `n` customers; `values` are those of the only attribute."""
    rng = np.random.default_rng(1)
    scores = rng.random(n)
    given = {
        "attributes": pd.DataFrame(index=range(n)),
        "columns": [SLOW],
        "X": pd.DataFrame({"slow": rng.random(n)}),
        "scores": scores,
        "selected": scores > 0.8,
        "groups": [f"customer {i}" for i in range(n)],
        "y": (rng.random(n) < scores).astype(float),
        "importance": {"slow": 1.0},
        "repetitions": 20,
    }
    if values is not None:
        number = pd.Series(values).dtype.kind == "f"
        given["attributes"] = pd.DataFrame({"attribute_x": values})
        given["columns"] = [SLOW, attribute("x", "number" if number else "category")]
    return assess_fairness(**(given | changes))


@pytest.fixture(scope="module")
def shop():
    """What a model is given that puts the old at a disadvantage, and another that does not."""
    rng = np.random.default_rng(6)
    age = rng.normal(45, 15, N).clip(18, 90)
    age[:100] = np.nan
    sex = rng.choice(["f", "m", HOSTILE], N, p=[0.5, 0.4, 0.1])
    p = rng.beta(2, 5, N)
    biased = np.where(age >= 60, 0.4, 1.0) * p
    X = pd.DataFrame(
        {
            "attribute_age": age,
            "slow": np.nan_to_num(age, nan=45) + rng.normal(0, 10, N),
            "attribute_sex": pd.Categorical(sex),
        }
    )
    return {
        "attributes": X[["attribute_age", "attribute_sex"]],
        "columns": [attribute("age", "number"), SLOW, attribute("sex")],
        "X": X,
        "scores": biased,
        "selected": biased >= np.quantile(biased, 0.8),
        "groups": np.array([f"secret-{i}" for i in range(N)]),
        "y": (rng.random(N) < p).astype(float),
        "importance": {"attribute_age": 0.5, "slow": 0.5, "attribute_sex": 0.0},
        "without": p,
        "repetitions": 60,
    }


@pytest.fixture(scope="module")
def fairness(shop):
    return assess_fairness(**shop)


@pytest.fixture(scope="module")
def offers(shop):
    return assess_fairness(**{**shop, "y": None, "scores": shop["scores"] - 0.2})


def test_concerns_name_group_measure_and_size(fairness):
    told = fairness.concerns()
    concerns = fairness.comparisons[fairness.comparisons["concern"]]
    assert set(concerns["attribute"]) == {"attribute_age"}
    assert set(concerns["measure"]) == {"error", "selected", "found"}
    assert len(told) == 4
    assert told[0].startswith("“age”, group 70+: predicted ")
    assert "For this group the numbers are too low. Likewise: 60–69." in told[0]
    assert "are in the top band, of all others" in told[1]
    assert "The outcome does not explain it" in told[1]
    assert told[2].startswith("“age”, group ")
    assert "of those with the outcome, " in told[2]
    assert told[3] == "The model reads “age” directly: 50.0% of what moves its predictions."
    assert fairness.summary() == "There are 4 concerns about fairness."


def test_the_same_in_german(fairness):
    told = fairness.concerns("de")
    assert len(told) == len(fairness.concerns())
    assert told[0].startswith("„age“, Gruppe 70+: vorhergesagt ")
    assert " sind im obersten Band, von allen anderen " in told[1]
    assert "Das Ergebnis selbst erklärt das nicht" in told[1]
    assert told[3].endswith("unmittelbar: 50,0 % dessen, was seine Vorhersagen bewegt.")
    assert fairness.summary("de") == "Es gibt 4 Bedenken zur Fairness."


def test_sentences_tell_the_numbers_of_the_tables(fairness):
    rows = fairness.comparisons[fairness.comparisons["measure"] == "selected"]
    row = rows.loc[rows["difference"].abs().idxmax()]
    points = [f"{100 * row[key]:+.1f}".replace("-", "−") for key in ("difference", "low", "high")]
    told = next(text for text in fairness.concerns() if "top band, of all" in text)
    assert told.startswith(f"“age”, group {row['level']}: {row['value']:.1%} are in the top band")
    assert f", of all others {row['others']:.1%}, difference {points[0]} points (" in told
    assert f"({points[1]} to {points[2]})" in told
    group = fairness.groups.set_index("level").loc["70+"]
    numbers = f"predicted {group['score']:.1%}, observed {group['observed']:.1%}; all others"
    assert numbers in fairness.concerns()[0]


def test_findings_tell_the_rest(fairness):
    told = fairness.findings()
    assert told[0].startswith("9 groups were compared, 36 differences.")
    assert "Holm" in told[0]
    assert "shown, but not compared: “age” 6.7%." in told[1]
    assert "share of what moves its predictions: “age” (50.0%)." in told[2]
    recovered = fairness.recovered.set_index("attribute")["auroc"]
    assert recovered["attribute_age"] > 0.7 > recovered["attribute_sex"]
    assert told[3].startswith("Without its column, “age” can still be told by the other columns")
    assert told[3].endswith("the best stand-in is “Slow clicks”.")
    assert told[4].startswith("Without its column, “sex” can hardly be told")
    assert told[5].startswith("AUROC without the sensitive columns ")
    german = fairness.findings("de")
    assert len(german) == len(told)
    assert not set(german) & set(told)


def test_what_the_sensitive_columns_bring(fairness):
    dropped = fairness.dropped.set_index("metric").loc["auroc"]
    assert dropped["difference"] == pytest.approx(dropped["with_"] - dropped["without"])
    assert dropped["high"] < 0
    assert "they harm" in fairness.findings()[5]
    assert fairness.used.set_index("column")["share"].to_dict() == {
        **{"attribute_age": 0.5, "attribute_sex": 0.0},
    }


def test_only_columns_that_are_not_sensitive_stand_in(fairness):
    assert set(fairness.stand_ins["column"]) == {"slow"}
    row = fairness.stand_ins.iloc[0]
    assert (row["attribute"], row["importance"]) == ("attribute_age", 0.5)
    assert (row["text_en"], row["text_de"]) == ("Slow clicks", "Langsame Klicks")


def test_of_the_model_without_as_many_are_chosen(fairness, shop):
    groups = fairness.groups[fairness.groups["attribute"] == "attribute_sex"]
    chosen = (groups["selected_without"] * groups["n"]).sum()
    assert chosen == pytest.approx(shop["selected"].sum())


def test_numbers_have_names(fairness):
    numbers = fairness.numbers()
    row = fairness.groups.set_index("level").loc["70+"]
    assert numbers["fairness.attribute_age.70+.n"] == row["n"]
    assert numbers["fairness.attribute_age.70+.error.low"] == row["error_low"]
    assert numbers["fairness.attribute_age.70+.selected_difference"] == row["selected_difference"]
    assert numbers["fairness.attribute_age.70+.auroc_difference"] < 1
    assert numbers["stand_in.attribute_age.slow"] == fairness.stand_ins["strength"][0]
    assert numbers["recovered.attribute_age.high"] == fairness.recovered["high"][0]
    assert numbers["used.attribute_age"] == 0.5
    assert {"dropped.auroc", "dropped.auroc.low", "dropped.auroc.without"} < set(numbers)
    assert all(np.isfinite(value) for value in numbers.values())


def test_json_and_back(fairness, offers):
    for one in (fairness, offers):
        text = json.dumps(one.to_dict(), allow_nan=False)
        again = Fairness.from_dict(json.loads(text))
        assert again.to_dict() == one.to_dict()
        assert again.numbers() == one.numbers()
        assert again.concerns("de") == one.concerns("de")
        assert again.findings() == one.findings()
        assert "secret" not in text


def test_the_same_again_is_the_same(fairness, shop):
    assert assess_fairness(**shop).to_dict() == fairness.to_dict()


def test_offers_are_compared_without_outcomes(offers):
    assert offers.kind == "offer"
    assert np.isnan(offers.base_rate)
    assert offers.dropped.empty
    assert set(offers.comparisons["measure"]) == {"selected"}
    told = offers.concerns()[0]
    assert "are recommended an offer, of all others" in told
    assert "outcome" not in told
    assert "wird ein Angebot empfohlen" in offers.concerns("de")[0]


@pytest.mark.parametrize("language", ["en", "de"])
def test_pictures_are_drawn_of_all(fairness, offers, language):
    drawn = fairness.figures(language)
    assert list(drawn) == ["groups_attribute_age", "groups_attribute_sex", "stand_ins"]
    for figure in (drawn["groups_attribute_sex"], drawn["stand_ins"]):
        figure.savefig(BytesIO())
    assert len(offers.plot_groups(language=language).axes) == 2
    panels = drawn["groups_attribute_age"].axes
    marks = [text.get_text() for axes in panels for text in axes.texts]
    concerns = fairness.comparisons["concern"].sum()
    assert marks.count("!") == concerns
    names = [label.get_text() for label in panels[0].get_yticklabels()]
    assert names[0].startswith("18–29 (n = ")
    assert names[-1].startswith({"en": "(missing)", "de": "(fehlt)"}[language])


def test_by_default_the_attribute_with_a_concern_is_drawn(fairness):
    assert fairness.plot_groups().get_suptitle() == "Attribute “age”"
    assert fairness.plot_groups("attribute_sex", "de").get_suptitle() == "Merkmal „sex“"
    with pytest.raises(InputError, match="'income' is none of attribute_age, attribute_sex"):
        fairness.plot_groups("income")
    with pytest.raises(InputError, match="'income' is none of them: there are none"):
        assess().plot_stand_ins("income")


def test_hostile_names_do_no_harm(fairness):
    html = fairness._repr_html_()
    assert "<b>$" not in html
    assert "&lt;b&gt;$" in html
    figure = fairness.plot_groups("attribute_sex")
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert all(len(name) < 50 and "\n" not in name for name in names)


def test_no_sensitive_attribute_is_said():
    fairness = assess()
    assert fairness.attributes == ()
    assert fairness.summary().startswith("No sensitive attribute is present")
    assert fairness.findings("de")[0].startswith("Es ist keine sensible Angabe vorhanden")
    assert fairness.concerns() == ()
    assert fairness.numbers() == {}
    assert fairness.figures() == {}
    tables = ("groups", "comparisons", "stand_ins", "recovered", "used")
    assert all(getattr(fairness, name).empty for name in tables)
    for figure in (fairness.plot_groups(), fairness.plot_stand_ins()):
        assert figure.texts[0].get_text() == "No sensitive attribute is present"
    assert Fairness.from_dict(fairness.to_dict()).to_dict() == fairness.to_dict()


RNG = np.random.default_rng(3)
SEX = RNG.choice(["f", "m"], 300)


@pytest.mark.parametrize(
    "given",
    [
        {"values": SEX, "y": np.zeros(300)},
        {"values": SEX, "y": np.ones(300), "without": RNG.random(300)},
        {"values": ["f"] * 300},
        {"values": ["f"] * 290 + ["m"] * 10},
        {"values": pd.Categorical([None] * 300)},
        {"values": np.full(300, np.nan)},
        {"values": np.full(300, 3.0)},
        {"values": [f"c{i % 500}" for i in range(1000)], "n": 1000},
        {"values": ["f"], "n": 1},
        {"values": SEX, "groups": ["one"] * 300},
        {"values": SEX, "selected": np.zeros(300), "without": np.zeros(300)},
        {"values": SEX, "scores": np.full(300, 0.2), "selected": np.ones(300)},
        {"values": SEX, "X": pd.DataFrame(index=range(300)), "importance": {}},
        {"values": SEX, "X": pd.DataFrame({"slow": np.full(300, np.nan)})},
    ],
)
@pytest.mark.filterwarnings("error")
def test_odd_data_give_clear_results(given):
    fairness = assess(**given)
    assert fairness.concerns() == ()
    for language in ("en", "de"):
        assert fairness.summary(language)
        assert all(fairness.findings(language))
    assert fairness.plot_groups(language="de").axes
    assert fairness.plot_stand_ins(language="de")
    assert Fairness.from_dict(fairness.to_dict()).to_dict() == fairness.to_dict()
    json.dumps(fairness.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": np.zeros(299)}, "one value for each of the 300 rows .* scores has 299"),
        ({"X": pd.DataFrame({"slow": [1.0]})}, "X has 1"),
        ({"scores": np.full(300, np.nan)}, "Scores must be numbers"),
        ({"scores": np.full(300, 1.5)}, r"Scores must lie in 0\.\.1"),
        ({"without": np.full(300, -0.5)}, "Scores without sensitive columns must lie"),
        ({"y": np.full(300, 2.0)}, "Outcomes must be 0 or 1"),
        ({"groups": [None] * 300}, "300 of 300 have none"),
        ({"columns": [SLOW]}, "attribute_x has none. Pass the columns of the dataset"),
        ({"attributes": pd.DataFrame(columns=["attribute_x"]), "n": 0}, "at least one row"),
    ],
)
def test_wrong_input_is_told(changes, message):
    with pytest.raises(InputError, match=message):
        assess(**({"values": SEX[: changes.get("n", 300)]} | changes))


def test_columns_that_bring_nothing_are_unneeded(fairness, shop):
    assert fairness.unneeded("auroc")  # the model without them is the better one
    needed = assess_fairness(**shop | {"scores": shop["without"], "without": shop["scores"][::-1]})
    assert not needed.unneeded("auroc")
    assert not needed.unneeded("log_loss")  # lower is better there
    unread = assess_fairness(**shop | {"importance": {"slow": 1.0}})
    assert not unread.unneeded("auroc")
    assert not assess_fairness(**shop | {"without": None}).unneeded("auroc")


def test_large_differences_that_may_be_chance_are_told(fairness):
    """The same differences, had there been so many comparisons that none is beyond chance."""
    assert all(text not in fairness.concerns() for text in fairness.doubts())
    table = fairness.comparisons.assign(beyond_chance=False, concern=False)
    unsure = replace(fairness, comparisons=table)
    assert unsure.doubts()[0] == fairness.concerns()[0]
    assert unsure.doubts("de")[0] == fairness.concerns("de")[0]
    wide = replace(fairness, comparisons=table.assign(low=-1.0, high=1.0))
    small = replace(fairness, comparisons=table.assign(large=False))
    assert wide.doubts() == small.doubts() == ()
