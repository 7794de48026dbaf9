import numpy as np
import pytest

from neigung.explanation.contributions import Contributions
from neigung.explanation.explain import explain
from neigung.explanation.themes import theme_contributions, theme_text, themes
from neigung.features.library import library
from neigung.report.page import texts
from tests.report.conftest import COLUMNS


@pytest.fixture
def given():
    """Two customers, whose order counts cancel each other out."""
    values = np.array([[1.0, 0.5, 0.4, -0.4, 0.0, 0.1], [-2.0, 0.5, -0.2, 0.2, 0.0, -0.1]])
    return Contributions(values, 0.0, COLUMNS, values.sum(axis=1))


def test_a_themes_contributions_are_added_before_their_size_is_taken(given):
    names, values = theme_contributions(given)
    assert names == ("discounts", "habits", "orders", "rhythm")
    np.testing.assert_allclose(values, [[0, 0.1, 0, 1.5], [0, -0.1, 0, -1.5]], atol=1e-15)
    np.testing.assert_allclose(values.sum(axis=1), given.values.sum(axis=1))


def test_table_is_ranked_and_counts_features(given):
    table = themes(given, "de")
    assert table.index[0] == "rhythm"
    assert table["rank"].tolist() == [1, 2, 3, 4]
    assert table.loc["rhythm", "text"] == "Rhythmus"
    assert table.loc["rhythm", "importance"] == pytest.approx(1.5)
    assert table["importance"].is_monotonic_decreasing
    assert table["share"].sum() == pytest.approx(1)
    assert table.loc["orders", ["columns", "used"]].tolist() == [2, 2]
    assert table.loc["discounts", ["columns", "used", "importance"]].tolist() == [1, 0, 0]


def test_no_rows_and_no_movement(artefact, test_rows):
    for count in (0, 1):
        table = explain(artefact, test_rows.X.head(count)).themes()
        assert len(table) == 4
        assert table["share"].sum() == pytest.approx(count)


def test_every_theme_of_the_library_has_a_text_in_both_languages():
    for feature in library():
        for language in ("en", "de"):
            assert feature.theme in texts(language)["themes"]
            assert theme_text(feature.theme, language)
