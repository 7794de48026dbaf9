import re
from dataclasses import replace

import numpy as np
import pytest

from neigung.evaluation.comparison import compare
from tests.evaluation.columns import column
from tests.pictures.drawn import drawn

PLOTS = ("moves", "metrics", "importance")


@pytest.fixture(scope="module")
def comparison():
    rng = np.random.default_rng(0)
    p = rng.random(300)
    scores = {"this": p, "champion": p**2}
    bands = {side: np.where(one > 0.7, "high", "$a^$") for side, one in scores.items()}
    return compare(
        7,
        y=(rng.random(300) < p).astype(float),
        groups=np.arange(300),
        scores=scores,
        bands=bands,
        importance={"this": {f"c{i}": i for i in range(20)}, "champion": {"c1": 1.0, "gone": 9.0}},
        columns=[column(f"c{i}", text=f"$x_{i}$") for i in range(20)],
        band_order=["high", "$a^$"],
        repetitions=30,
    )


@pytest.mark.parametrize("plot", PLOTS)
def test_plots_say_the_same_in_both_languages(comparison, plot):
    told = [drawn(getattr(comparison, f"plot_{plot}")(language)) for language in ("en", "de")]
    assert not set(told[0]) >= set(told[1])
    german = [text for text in told[1] if "$" not in text]
    assert not any(re.search(r"\d\.\d|\d%", text) for text in german), german


@pytest.mark.parametrize("plot", PLOTS)
def test_nothing_to_see_is_said(comparison, plot):
    bare = replace(
        comparison,
        metrics=comparison.metrics[:0],
        moves=comparison.moves[:0],
        importance=comparison.importance[:0],
    )
    assert "nichts zu vergleichen" in drawn(getattr(bare, f"plot_{plot}")("de"))


def test_moves_hold_the_numbers(comparison):
    axes = comparison.plot_moves("de").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["hoch", r"\$a^\$"]
    cells = [text.get_text() for text in axes.texts]
    row = comparison.moves.iloc[1]
    assert cells[1] == f"{row['n']}\n{100 * row['share']:.0f} %"


def test_metrics_hold_the_differences(comparison):
    figure = comparison.plot_metrics()
    assert [axes.get_title() for axes in figure.axes] == [
        "AUROC",
        "average precision",
        "log loss",
        "Brier score",
    ]
    table = comparison.metrics.set_index("metric")
    for axes, name in zip(figure.axes, ("auroc", "average_precision"), strict=False):
        assert axes.get_lines()[-1].get_xdata()[0] == table.loc[name, "difference"]
    assert [axes.get_xlabel() for axes in figure.axes][1:3] == [
        "better to the right",
        "better to the left",
    ]


def test_what_weighed_most_in_either_is_shown(comparison):
    axes = comparison.plot_importance(most=3).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["gone", r"EN \$x_19\$", r"EN \$x_1\$"]
    lines = {line.get_label(): line.get_xdata() for line in axes.get_lines()}
    assert lines["champion"][0] == 0.9
    assert np.isnan(lines["this version"][0])
