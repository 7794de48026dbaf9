import re
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from neigung.evaluation.propensity.evaluate import evaluate
from neigung.pictures.drawing import label_text, percent_axis
from tests.pictures.drawn import drawn

PLOTS = ("gains", "calibration", "metrics", "folds", "lift", "top")


@pytest.fixture(scope="module")
def evaluation():
    rng = np.random.default_rng(1)
    p = rng.random(400)
    y = (rng.random(400) < p).astype(float)
    frame = pd.DataFrame({"cutoff": [pd.Timestamp("2024-05-01")] * 400})
    predictions = {"model": p, "recency_rule": p**2, "rfm_logistic": p**3, "bg_nbd": p**0.5}
    folds = [(pd.Timestamp("2024-04-01"), y, np.arange(400), predictions)]
    test = SimpleNamespace(frame=frame, y=y, groups=np.arange(400))
    activity = np.repeat(["active", "new", "dormant"], [300, 80, 20])
    towns = np.repeat(["$a^$", "a " * 60], 200)
    segments = pd.DataFrame({"activity": activity, "attribute_home_town": towns})
    return evaluate(test, predictions, folds=folds, segments=segments, repetitions=30)


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
    told += [text.get_text() for one in figure.axes for text in one.texts]
    for text in told:
        assert re.fullmatch(r"\d\d\.\d\d\.\d{4}|[^.]*", text), text
        assert not re.search(r"\d%|\d{4}-", text), text


def test_lift_holds_the_numbers(evaluation):
    line = evaluation.plot_lift().axes[0].get_lines()[0]
    table = evaluation.gains[evaluation.gains["model"] == "model"].set_index("share")["gain"]
    shares = line.get_xdata()
    assert (shares[0], shares[-1]) == (0.04, 1)
    np.testing.assert_allclose(line.get_ydata(), table[shares] / shares)


def test_top_holds_the_numbers(evaluation):
    axes = evaluation.plot_top("de").axes[0]
    table = evaluation.top()
    heights = [bar.get_height() for bars in axes.containers for bar in bars]
    expected = [value for row in table.to_numpy() for value in (row[3], row[12])]
    np.testing.assert_allclose(heights, expected)
    told = [text.get_text() for text in axes.texts]
    found, share = table.loc[0, ["found", "found_share"]]
    assert told[0] == f"{100 * share:.0f} %\n{found:.0f} gefunden"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names[0] == "Modell"
    assert len(names) == 1 + table["baseline"].nunique()


def test_segments_show_what_can_be_judged(evaluation):
    figure = evaluation.plot_segments("de")
    told = drawn(figure)
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[:2] == ["Aktivität: aktiv, 300 Kunden", "Aktivität: neu, 80 Kunden"]
    assert r"home town: \$a^\$, 200 Kunden" in names
    assert len(names) == 4
    assert all(len(name) < 75 for name in names)
    assert "nicht zu beurteilen: 1" in axes.get_xlabel()
    assert "weitere Segmente" not in axes.get_xlabel()
    assert {"Modell", "zufällig"} <= set(told)
    rows = evaluation.segments
    rows = rows[(rows["level"] == "active") & (rows["metric"] == "average_precision")]
    lines = [line.get_xdata()[0] for line in axes.get_lines()[:3]]
    rate = rows["positives"].iloc[0] / rows["n"].iloc[0]
    np.testing.assert_allclose(lines, [rate, *rows["value"]])


def test_no_segment_at_all_is_said(evaluation):
    bare = replace(evaluation, segments=evaluation.segments[:0])
    assert "no segment can be judged" in drawn(bare.plot_segments())
    rare = evaluation.segments[evaluation.segments["reason"] != ""]
    assert "no segment can be judged" in drawn(replace(evaluation, segments=rare).plot_segments())


def test_percent_has_decimals_where_it_needs_them():
    figure = Figure()
    axes = figure.subplots()
    for reach, language, told in (
        (1, "de", "20 %"),
        (0.15, "en", "2%"),
        (0.02, "de", "0,5 %"),
        (0.001, "en", "0.02%"),
    ):
        axes.set_xlim(0, reach)
        percent_axis(axes.xaxis, language)
        figure.canvas.draw()
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert told in labels, labels
        assert len(set(labels)) == len(labels)


def test_foreign_text_is_no_formula():
    assert label_text("a\n b\tc") == "a b c"
    figure = Figure()
    figure.subplots().set_title(label_text("$x^$ and \\$"))
    figure.canvas.draw()


def test_no_pyplot_and_nothing_heavy_on_import():
    code = (
        "import sys, neigung.evaluation.propensity.evaluate, neigung.pictures.of_propensity\n"
        "import neigung.judgement.fitness, neigung.pictures.of_comparison\n"
        "import neigung.pictures.of_stability\n"
        "heavy = {'matplotlib', 'sklearn', 'scipy', 'lightgbm'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
