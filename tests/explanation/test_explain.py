import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.explanation.explain import explain


@pytest.fixture(scope="module")
def explanation(artefact, test_rows):
    return explain(artefact, test_rows)


def test_importance_is_ranked(explanation):
    table = explanation.importance("de")
    assert table["rank"].tolist() == list(range(1, 7))
    assert table["importance"].is_monotonic_decreasing
    assert table.loc["order_count_30d", "text"] == "Anzahl der Bestellungen in den letzten 30 Tagen"
    np.testing.assert_allclose(
        table.loc["order_count_30d", "importance"],
        np.abs(explanation.contributions.values[:, 2]).mean(),
    )


def test_reasons_are_the_customers_own(explanation, test_rows):
    row = 7
    customer = test_rows.frame.loc[row, "customer_id"]
    for reason in explanation.reasons(customer, k=2):
        column = [one.name for one in explanation.contributions.columns].index(reason.feature)
        assert reason.contribution == explanation.contributions.values[row, column]


def test_importance_and_themes_in_numbers(explanation):
    numbers = explanation.numbers()
    importance, themes = explanation.importance()["importance"], explanation.themes()
    assert numbers["explained.rows"] == 400
    for name, size in importance.items():
        assert numbers[f"importance.{name}"] == size
        assert numbers[f"importance.{name}.share"] == pytest.approx(size / importance.sum())
    for name, row in themes.iterrows():
        assert numbers[f"theme.{name}"] == row["importance"]
        assert numbers[f"theme.{name}.share"] == row["share"]
    assert {key for key in numbers if key.startswith("interaction.")} == set(
        explanation.interactions.numbers()
    )
    assert np.isfinite(list(numbers.values())).all()


def test_interactions_are_computed_once(explanation, monkeypatch):
    first = explanation.interactions
    assert explanation.interactions is first
    assert len(first)


def test_unknown_customer_and_column(explanation):
    with pytest.raises(InputError, match="'nobody' is none"):
        explanation.reasons("nobody")
    with pytest.raises(InputError, match="'nothing' is none"):
        explanation.plot_dependence("nothing")
    with pytest.raises(InputError, match=r"not among the \d+ strongest pairs, such as"):
        explanation.plot_interaction("nothing", "order_count_30d")
    with pytest.raises(InputError, match="found 'order_count_30d' only"):
        explanation.plot_interaction("order_count_30d")


def test_frame_without_ids_is_known_by_its_index(artefact, test_rows):
    X = test_rows.X.head(3).set_axis([10, 11, 12])
    assert len(explain(artefact, X).reasons("11")) == 3


def test_missing_column_is_an_input_error(artefact, test_rows):
    with pytest.raises(InputError, match="order_count_30d"):
        explain(artefact, test_rows.X.drop(columns="order_count_30d"))


def test_notebook_view_is_escaped(explanation):
    html = explanation._repr_html_()
    assert "Number of orders in the last 30 days" in html
    assert "400 explained rows" in html


def every_plot(explanation, language="en"):
    yield explanation.plot_importance(language)
    yield explanation.plot_beeswarm(language)
    yield explanation.plot_themes(language)
    yield explanation.plot_interactions(language)
    yield explanation.plot_interaction(language=language)
    for column in ("order_gap_median", "discount_share", "last_channel"):
        yield explanation.plot_dependence(column, language)
    if len(explanation.X):
        yield explanation.plot_waterfall(explanation.customers[0], language)


@pytest.mark.parametrize("kind", ["no rows", "one row", "poor columns"])
def test_poor_rows(artefact, test_rows, kind):
    X = test_rows.X
    if kind == "poor columns":
        poor = {
            "order_gap_median": np.nan,
            "order_count_30d": 3.0,
            "discount_share": [np.inf] * 400,
        }
        X = X.assign(**poor, last_channel=pd.Categorical([None] * 400, categories=["app", "web"]))
        X.loc[0, "discount_share"] = -np.inf
    else:
        X = X.head(["no rows", "one row"].index(kind))
    explanation = explain(artefact, X)
    for figure in every_plot(explanation):
        figure.draw_without_rendering()
    assert np.isfinite(list(explanation.numbers().values())).all()
    assert "explained rows" in explanation._repr_html_()


def test_thousands_of_categories(artefact, test_rows):
    names = [f"channel {i}" for i in range(5000)]
    X = test_rows.X.assign(last_channel=pd.Categorical(names[:4000:10], categories=names))
    axes = explain(artefact, X).plot_dependence("last_channel").axes[0]
    assert len(axes.get_xticks()) == 12


def test_model_that_uses_nothing(test_rows):
    """It predicts the same for everybody; its pictures say so instead of failing."""
    from neigung.models.propensity.artefact import Artefact
    from neigung.models.propensity.classifier import PropensityClassifier

    X = test_rows.X
    model = PropensityClassifier({"n_estimators": 2, "min_gain_to_split": 1e9})
    model.fit(X, np.arange(len(X)) % 2 == 0)
    explanation = explain(Artefact(model, test_rows.columns, {}, {}, (0.0, 1.0)), X)
    assert explanation.importance()["importance"].eq(0).all()
    texts = [figure.axes[0].texts for figure in every_plot(explanation, "de")]
    assert texts[0][0].get_text() == "Nichts zu zeigen"
    assert texts[-1][0].get_text() == "Kein Merkmal bewegt diese Vorhersage"
    assert explanation.numbers()["importance.order_count_30d.share"] == 0
