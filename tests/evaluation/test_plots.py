import re
import subprocess
import sys
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from neigung.evaluation.evaluate import evaluate

PLOTS = ("gains", "calibration", "metrics", "folds")


@pytest.fixture(scope="module")
def evaluation():
    rng = np.random.default_rng(1)
    p = rng.random(400)
    y = (rng.random(400) < p).astype(float)
    frame = pd.DataFrame({"cutoff": [pd.Timestamp("2024-05-01")] * 400})
    predictions = {"model": p, "recency_rule": p**2, "rfm_logistic": p**3, "bg_nbd": p**0.5}
    folds = [(pd.Timestamp("2024-04-01"), y, np.arange(400), predictions)]
    test = SimpleNamespace(frame=frame, y=y, groups=np.arange(400))
    return evaluate(test, predictions, folds=folds, repetitions=30)


@pytest.mark.parametrize("plot", PLOTS)
def test_plots_are_drawn_and_labelled_in_both_languages(evaluation, plot):
    titles = []
    for language, model in (("en", "Model"), ("de", "Modell")):
        figure = getattr(evaluation, f"plot_{plot}")(language)
        assert isinstance(figure, Figure)
        figure.savefig(file := BytesIO(), format="svg")
        assert len(file.getvalue()) > 5000
        axes = figure.axes[0]
        assert axes.get_xlabel()
        names = axes.get_legend() or axes.get_yaxis()
        texts = names.get_texts() if axes.get_legend() else names.get_ticklabels()
        assert texts[0].get_text() == model
        titles.append(figure.get_suptitle() or axes.get_title())
    assert all(titles)
    assert titles[0] != titles[1]


def test_curves_hold_the_numbers(evaluation):
    lines = evaluation.plot_gains().axes[0].get_lines()
    table = evaluation.gains
    expected = table[table["model"] == "model"]["gain"]
    np.testing.assert_array_equal(lines[0].get_ydata(), expected)
    assert len({line.get_color() for line in lines}) == 5
    ticks = evaluation.plot_folds().axes[0].get_xticklabels()
    assert [tick.get_text() for tick in ticks] == ["2024-04-01", "2024-05-01"]


@pytest.mark.parametrize("plot", PLOTS)
def test_german_numbers_and_dates(evaluation, plot):
    figure = getattr(evaluation, f"plot_{plot}")("de")
    figure.canvas.draw()
    axes = [axis for one in figure.axes for axis in (one.xaxis, one.yaxis)]
    told = [label.get_text() for axis in axes for label in axis.get_ticklabels()]
    assert any(re.search(r"\d", text) for text in told)
    for text in told:
        assert re.fullmatch(r"\d\d\.\d\d\.\d{4}|[^.]*", text), text
        assert not re.search(r"\d%|\d{4}-", text), text


def test_no_pyplot_and_nothing_heavy_on_import():
    code = (
        "import sys, neigung.evaluation.evaluate, neigung.evaluation.plots\n"
        "heavy = {'matplotlib', 'sklearn', 'scipy', 'lightgbm'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
