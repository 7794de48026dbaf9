import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neigung.errors import InputError
from neigung.evaluation.fairness.sensitive import level_text, levels, sensitive_attributes
from neigung.features.feature import Column


def column(name, kind="category", unit="ratio"):
    name = f"attribute_{name}"
    return Column(name, name, None, unit, "attributes", kind, name, name)


def sizes(values, described):
    return levels(pd.Series(values), described).value_counts(sort=False).to_dict()


@pytest.mark.parametrize(
    "name",
    [
        *("age", "altersgruppe", "geburtsdatum", "date_of_birth", "maritalstatus", "familienstand"),
        *("plz", "zipcode", "country", "geschlecht", "gender_code", "anrede", "religion", "state"),
        *("staatsangehörigkeit", "ethnicity", "konfession", "income", "einkommen", "behinderung"),
        *("disability", "kids_count", "region", "bundesland", "sprache"),
    ],
)
def test_attributes_that_the_law_names_are_sensitive(name):
    assert sensitive_attributes([f"attribute_{name}"]) == (f"attribute_{name}",)


@pytest.mark.parametrize(
    "name",
    [
        *("agency", "average_order", "stage", "package", "page_views", "message", "outcome"),
        *("transport", "branch", "acquired", "sports_team", "report_status", "loyalty_tier"),
        *("card", "segment", "account_state", "wechselalter"),
    ],
)
def test_words_within_words_are_not_sensitive(name):
    assert sensitive_attributes([f"attribute_{name}"]) == ()


def test_only_attributes_are_looked_at_in_their_order():
    names = ["age", "order_age_90d", "attribute_sex", "attribute_age"]
    assert sensitive_attributes(names) == ("attribute_sex", "attribute_age")


def test_the_study_overrules_the_words():
    names = ["attribute_age", "attribute_region_bundesland_", "attribute_card", "own_feature"]
    named = ["own_feature", "Card", "attribute_age"]
    assert sensitive_attributes(names, named) == ("attribute_age", "attribute_card", "own_feature")
    assert sensitive_attributes(names, []) == ()


def test_an_unknown_name_tells_those_there_are():
    with pytest.raises(InputError, match=r"but hair is not .* There are: age, card\. Correct"):
        sensitive_attributes(["attribute_age", "attribute_card", "x"], ["age", "hair"])
    with pytest.raises(InputError, match="There are: none"):
        sensitive_attributes(["x"], ["hair"])


def test_ages_become_bands_whatever_tells_them():
    ages = [3, 17.9, 18, 29, 30, 70, 99, -1, 999, None]
    expected = ["0–17", "0–17", "18–29", "18–29", "30–39", "70+", "70+"]
    expected += ["(implausible)", "(implausible)", "(missing)"]
    assert levels(pd.Series(ages), column("age", "number")).tolist() == expected
    days = pd.Series(ages) * 365.25 + 1
    found = levels(days, column("date_of_birth", "number", "days"))
    assert found.tolist()[2:7] == expected[2:7]
    years = sizes([1949, 1950, 1959, 2001, 1000], column("year_of_birth", "number"))
    assert years == {"1940–1949": 1, "1950–1959": 2, "2000–2009": 1, "(implausible)": 1}


def test_codes_of_ages_are_no_ages():
    assert list(sizes([1, 2, 3, 2], column("age_group", "number"))) == ["1", "2", "3"]


def test_numbers_become_quarters_with_limits_to_be_read():
    rng = np.random.default_rng(0)
    found = sizes(rng.lognormal(10, 0.5, 2000), column("income", "number"))
    assert list(found) == ["≤ 16000", "16000–22000", "22000–31000", "> 31000"]
    assert min(found.values()) > 400
    counted = sizes(np.arange(200), column("points", "number"))
    assert counted == {"≤ 50": 51, "51–100": 50, "101–150": 50, "> 150": 49}
    balance = sizes(np.linspace(-1, 1, 401), column("balance", "number"))
    assert list(balance) == ["≤ −0.5", "−0.5 … 0.0", "0.0 … 0.5", "> 0.5"]


def test_few_numbers_stay_as_they_are():
    assert sizes([2, 0, 10, 0, None], column("kids", "number")) == {
        **{"0": 2, "2": 1, "10": 1},
        "(missing)": 1,
    }
    assert sizes([7.0] * 3, column("x", "number")) == {"7": 3}
    assert sizes([np.nan, np.inf], column("x", "number")) == {"(missing)": 2}
    many_equal = sizes([0.0] * 990 + list(range(1, 20)), column("x", "number"))
    assert many_equal == {"≤ 0": 990, "> 0": 19}


def test_categories_stay_in_reading_order():
    bands = ["100-124K", "15-24K", "Under 15K", "15-24K", None, " "]
    assert sizes(bands, column("income")) == {
        **{"Under 15K": 1, "15-24K": 2, "100-124K": 1},
        "(missing)": 2,
    }
    assert list(sizes(["m", "f", "f"], column("sex"))) == ["f", "m"]


def test_of_many_categories_the_largest_are_kept():
    names = [f"c{i}" for i in range(5000) for _ in range(1 + (i < 12))]
    found = sizes(names, column("x"))
    assert len(found) == 13
    assert found["(other)"] == 4988
    assert found["c3"] == 2


def test_postcodes_are_told_by_their_first_digit():
    codes = [f"{i:05d}" for i in range(10_000, 30_000, 7)]
    assert list(sizes(codes, column("plz"))) == ["1xxxx", "2xxxx"]
    assert "(other)" in sizes(codes, column("shoe"))


def test_hostile_names_stay_apart():
    found = sizes(["(other)", "(missing)", None, "<b>", "1" * 5000], column("x"))
    assert found["(missing)"] == 1
    assert {"“(other)”", "“(missing)”", "<b>", "1" * 5000} < set(found)


def test_the_index_is_kept_and_nothing_gives_nothing():
    found = levels(pd.Series(["a", None], index=[7, 3]), column("x"))
    assert found.index.tolist() == [7, 3]
    assert levels(pd.Series([], dtype=float), column("x", "number")).empty


@given(st.lists(st.none() | st.floats(allow_nan=True), max_size=40), st.sampled_from(["age", "x"]))
def test_every_number_has_one_of_few_groups(values, name):
    found = levels(pd.Series(values, dtype=float), column(name, "number"))
    assert found.notna().all()
    assert found.nunique() <= 15


def test_groups_in_german():
    texts = {"(other)": "(übrige)", "≤ −0.5": "≤ −0,5", "0.5–1.5": "0,5–1,5", "v1.5": "v1.5"}
    assert {text: level_text(text, "de") for text in texts} == texts
    assert level_text("0.5–1.5") == "0.5–1.5"
