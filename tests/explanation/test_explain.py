import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.explanation.explain import explain


@pytest.fixture
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


def test_every_plot_in_both_languages(explanation, test_rows):
    customer = test_rows.frame.loc[0, "customer_id"]
    for language in ("en", "de"):
        for figure in (
            explanation.plot_importance(language),
            explanation.plot_beeswarm(language),
            explanation.plot_dependence("order_gap_median", language),
            explanation.plot_dependence("last_channel", language),
            explanation.plot_waterfall(customer, language),
        ):
            # Drawing finds what building does not: mathematics in names, for one.
            figure.canvas.draw()
    assert plt.get_fignums() == []


def test_waterfall_ends_at_the_margin(explanation, test_rows):
    axes = explanation.plot_waterfall(test_rows.frame.loc[3, "customer_id"]).axes[0]
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
    assert ends[-1] == pytest.approx(explanation.contributions.margin[3])


def test_unknown_customer_and_column(explanation):
    with pytest.raises(InputError, match="'nobody' is none"):
        explanation.reasons("nobody")
    with pytest.raises(InputError, match="'nothing' is none"):
        explanation.plot_dependence("nothing")


def test_frame_without_ids_is_known_by_its_index(artefact, test_rows):
    X = test_rows.X.head(3).set_axis([10, 11, 12])
    assert len(explain(artefact, X).reasons("11")) == 3


def test_missing_column_is_an_input_error(artefact, test_rows):
    with pytest.raises(InputError, match="order_count_30d"):
        explain(artefact, test_rows.X.drop(columns="order_count_30d"))


def test_column_without_spread_or_values(artefact, test_rows):
    X = test_rows.X.assign(order_gap_median=np.nan, discount_share=0.0)
    explanation = explain(artefact, X)
    for column in ("order_gap_median", "discount_share"):
        figure = explanation.plot_dependence(column)
        figure.canvas.draw()
        assert figure.axes[0].get_ylabel()
    explanation.plot_beeswarm().canvas.draw()
    assert np.isfinite(explanation.importance()["importance"]).all()


def test_thousands_of_categories(artefact, test_rows):
    names = [f"channel {i}" for i in range(len(test_rows))]
    X = test_rows.X.assign(last_channel=pd.Categorical(names))
    axes = explain(artefact, X).plot_dependence("last_channel").axes[0]
    assert len(axes.get_xticks()) == 12


def test_notebook_view_is_escaped(explanation):
    html = explanation._repr_html_()
    assert "Number of orders in the last 30 days" in html
    assert "400 explained rows" in html


def test_one_row(artefact, test_rows):
    explanation = explain(artefact, test_rows.X.head(1))
    explanation.plot_beeswarm().canvas.draw()
    explanation.plot_dependence("order_count_30d").canvas.draw()
