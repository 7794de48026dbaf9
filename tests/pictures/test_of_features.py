"""What SHAP draws must speak the reader's language, fit its figure and leave no traces."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrow
from matplotlib.text import Text

from neigung.explanation.contributions import Contributions
from neigung.explanation.explain import Explanation, explain
from neigung.explanation.interactions import Interactions
from neigung.pictures.drawing import LOWERS, RAISES, new_figure
from neigung.pictures.value_axes import category_axis, places
from tests.report.conftest import COLUMNS

LONG = (
    "Number of = orders & visits with <b>$x^2$</b>, ordered by customers of an unusually long "
    "description that no picture has room for, however wide, and that is therefore cut"
)
NAMES = (
    *("importance", "beeswarm", "number", "category", "waterfall"),
    *("themes", "interactions", "by number", "by category"),
)


@pytest.fixture(scope="module")
def explanation(artefact, test_rows):
    """Two hundred customers; what they have is told in words that are hard to draw."""
    made = explain(artefact, test_rows.frame.head(200))
    columns = tuple(
        replace(column, text_en=f"{column.text_en}: {LONG}", text_de=f"{column.text_de}: {LONG}")
        for column in COLUMNS
    )
    given = replace(made.contributions, columns=columns)
    told = Explanation(given, made.X, made.customers, artefact)
    assert len(told.interactions)
    return told


def figure(explanation, name, language):
    plots = {
        "importance": explanation.plot_importance,
        "beeswarm": explanation.plot_beeswarm,
        "number": lambda language: explanation.plot_dependence("order_gap_median", language),
        "category": lambda language: explanation.plot_dependence("last_channel", language),
        "waterfall": lambda language: explanation.plot_waterfall(
            explanation.customers[5], language, 3
        ),
        "themes": explanation.plot_themes,
        "interactions": explanation.plot_interactions,
        "by number": lambda language: explanation.plot_interaction(
            "order_gap_median", "order_count_30d", language
        ),
        "by category": lambda language: explanation.plot_interaction(
            "last_channel", "days_since_last_order", language
        ),
    }
    return plots[name](language)


def written(drawn):
    """The texts that a figure shows; ticks beyond the ends of an axis are not drawn."""
    beyond = set()
    for axes in drawn.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not low - 1e-9 <= tick.get_loc() <= high + 1e-9 or not axes.axison:
                    beyond |= {tick.label1, tick.label2}
    texts = drawn.findobj(lambda one: isinstance(one, Text) and one.get_visible())
    return [text for text in texts if text.get_text() and text not in beyond]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", NAMES)
def test_texts_are_readable_and_whole(explanation, name, language):
    drawn = figure(explanation, name, language)
    drawn.draw_without_rendering()
    page = drawn.bbox
    for text in written(drawn):
        said = text.get_text()
        assert text.get_fontsize() >= 8, said
        box = text.get_window_extent()
        assert box.x0 >= page.x0 - 1, said
        assert box.x1 <= page.x1 + 1, said
        assert box.y0 >= page.y0 - 1, said
        assert box.y1 <= page.y1 + 1, said
    # Nothing of SHAP's own English, and no formula.
    everything = " ".join(text.get_text() for text in written(drawn))
    assert not re.search(r"SHAP|f\(x\)|E\[|Sum of|other features$|Feature value", everything)
    if language == "de":
        assert not re.search(r"\d\.\d", everything), "a decimal point"
        assert not re.search(r"\b(contribution|feature|unknown|low|high|mean)\b", everything)


@pytest.mark.parametrize("name", ["beeswarm", "number", "waterfall", "by category"])
def test_same_bytes_and_no_traces(explanation, name):
    mine = plt.figure()
    try:
        before = np.random.get_state()
        first, again = io.BytesIO(), io.BytesIO()
        for place in (first, again):
            figure(explanation, name, "de").savefig(place, format="png", dpi=40)
        assert first.getvalue() == again.getvalue()
        after = np.random.get_state()
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        assert plt.get_fignums() == [mine.number]
        assert plt.gcf() is mine
        assert not mine.axes
    finally:
        plt.close(mine)


def test_threads_draw_the_same(explanation):
    def draw(name):
        place = io.BytesIO()
        figure(explanation, name, "en").savefig(place, format="png", dpi=30)
        return place.getvalue()

    names = ["waterfall", "number"]
    alone = [draw(name) for name in names]
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(draw, names)) == alone
    assert plt.get_fignums() == []


def test_a_drawing_that_fails_leaves_no_traces(explanation, monkeypatch):
    import shap

    def fail(*_, **__):
        np.random.random()
        raise RuntimeError("no")

    before = np.random.get_state()[1].copy()
    monkeypatch.setattr(shap.plots, "waterfall", fail)
    with pytest.raises(RuntimeError):
        explanation.plot_waterfall(explanation.customers[0])
    assert plt.get_fignums() == []
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    explanation.plot_importance()


def test_importance_is_as_long_as_it_says(explanation):
    axes = explanation.plot_importance("de", most=3).axes[0]
    sizes = np.sort(explanation.contributions.importance())[::-1][:3]
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], sizes)
    told = [f"{size:.3f}".replace(".", ",") for size in sizes]
    assert [text.get_text() for text in axes.texts] == told
    assert axes.get_yticks().tolist() == [3, 2, 1]
    assert axes.get_yticklabels()[0].get_text().startswith("Tage seit der letzten")


def steps(axes):
    """Where the arrows of a waterfall begin and end, from below."""
    found = {}
    for arrow in axes.patches:
        if isinstance(arrow, FancyArrow):
            x, y = arrow.get_xy().T
            raises = to_hex(arrow.get_facecolor()).upper() == RAISES
            assert raises or to_hex(arrow.get_facecolor()).upper() == LOWERS
            ends = (x.min(), x.max()) if raises else (x.max(), x.min())
            # The tip is one corner, in the middle of the row.
            assert y[x == ends[1]].tolist() == pytest.approx([y.mean()] * (x == ends[1]).sum())
            found[round(float((y.min() + y.max()) / 2))] = ends
    return [found[row] for row in sorted(found)]


@pytest.mark.parametrize("row", range(2))
@pytest.mark.parametrize("most", [2, 9])
def test_waterfall_leads_from_the_base_to_the_margin(explanation, row, most):
    given = explanation.contributions
    axes = explanation.plot_waterfall(explanation.customers[row], "de", most).axes[0]
    arrows = steps(axes)
    values = given.values[row][given.values[row] != 0]
    assert len(arrows) == min(len(values), most + 1)
    at = given.start(row)
    told = {}
    for text in axes.texts:
        if not text.get_text().startswith(("Ausgangswert", "dieser Kunde")):
            told[round(text.get_position()[1])] = text.get_text()
    for place, (begin, end) in enumerate(arrows):
        assert begin == pytest.approx(at, abs=1e-6)
        size = f"{abs(end - begin):.2f}".replace(".", ",")
        sign = "" if size == "0,00" else "+" if end > begin else "−"
        assert told[place] == sign + size
        at = end
    assert at == pytest.approx(given.margin[row], abs=1e-6)
    if most == 2:
        label = axes.get_yticklabels()[0].get_text()
        assert label == f"{len(values) - 2} weitere Merkmale zusammen"


def test_waterfall_of_equal_contributions():
    """Ties must not bring labels and arrows out of step."""
    columns = tuple(replace(COLUMNS[0], name=f"c{i}", text_en=f"c{i}") for i in range(40))
    signs = np.where(np.arange(40) % 3 == 0, -0.5, 0.5)
    given = Contributions(signs[None], 0.1, columns, np.array([0.1 + signs.sum()]))
    X = pd.DataFrame({column.name: [1.0] for column in columns})
    axes = Explanation(given, X, pd.Index(["a"]), None).plot_waterfall("a").axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    for label, (begin, end) in list(zip(labels, steps(axes), strict=True))[1:]:
        i = int(label.split(":")[0].removeprefix("c"))
        assert end - begin == pytest.approx(signs[i], abs=1e-6)


def test_dependence_shows_how_many_are_unknown(explanation):
    drawn = explanation.plot_dependence("order_gap_median", "de")
    drawn.draw_without_rendering()
    first = drawn.axes[0].get_xticklabels()[0].get_text()
    missing = explanation.X["order_gap_median"].isna().mean()
    assert first == f"unbekannt\n{100 * missing:.1f} %".replace(".", ",")
    dots = drawn.axes[0].collections[0].get_offsets()
    assert len(dots) < (1 - missing) * 200, "the ends are left out"
    heights = [bar.get_height() for bar in drawn.axes[1].patches]
    assert sum(heights) == len(dots)


def test_shares_of_few_values_have_narrow_bars(explanation):
    X = explanation.X.assign(discount_share=np.tile([0.0, 0.5, 1.0], 67)[:200])
    drawn = Explanation(explanation.contributions, X, explanation.customers, None)
    axes = drawn.plot_dependence("discount_share").axes
    assert max(bar.get_width() for bar in axes[1].patches) < 0.05
    assert [label.get_text() for label in axes[0].get_xticklabels()] == [
        *("0%", "25%", "50%", "75%", "100%")
    ]


@pytest.mark.parametrize("length", [3, 12, 40])
def test_names_of_categories_do_not_lie_over_each_other(length):
    figure, axes = new_figure(4.6, 3.6)
    values = pd.Series([letter * length for letter in "wxyz"])
    category_axis(axes, places(values, "en"), "en")
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def test_dependence_of_a_category_counts_it(explanation, hostile):
    drawn = explanation.plot_dependence("last_channel", "en")
    labels = [label.get_text() for label in drawn.axes[0].get_xticklabels()]
    counts = explanation.X["last_channel"].value_counts()
    assert f"app\n{counts['app']}" in labels
    assert f"unknown\n{explanation.X['last_channel'].isna().sum()}" in labels
    assert f"{hostile[:21].rstrip()}…\n{counts[hostile]}" in labels


def pair(values, b):
    """Two hundred customers whose columns 1 and 2 act together."""
    rows = np.arange(len(values))
    pairs = np.array([[1, 2]])
    X = pd.DataFrame({"order_gap_median": np.arange(200.0), "order_count_30d": b})
    given = Interactions(COLUMNS, pairs, np.asarray(values)[:, None], rows, 200, 1.0, "log_odds")
    return given, X


@pytest.mark.parametrize(
    ("b", "told"),
    [
        (np.repeat([0.0, 5.0], [150, 50]), ["low: 0", "high: 5"]),
        (np.arange(200.0) % 3, ["low: 0", "middle: 1", "high: 2"]),
        (np.full(200, 7.0), ["low: 7"]),
        (np.where(np.arange(200) < 20, np.nan, 1.0), ["low: 1", "unknown"]),
    ],
)
def test_pairs_are_told_by_low_and_high(b, told):
    from neigung.pictures.of_interactions import plot_interaction

    given, X = pair(np.sin(np.arange(200)), b)
    one, other, together = *COLUMNS[1:3], given.of("order_gap_median", "order_count_30d")
    drawn = plot_interaction(together, X, one, other, given.unit)
    assert [text.get_text() for text in drawn.legends[0].texts] == told
    dots = drawn.axes[0].collections
    # Each has a colour, a marker and a line of its own.
    assert len({tuple(one.get_facecolor()[0]) for one in dots}) == len(told)
    assert len({len(one.get_paths()[0].vertices) for one in dots}) == len(told)
    lines = {line.get_linestyle() for line in drawn.legends[0].get_lines()}
    assert len(lines) == len(told)


def test_interactions_are_as_long_as_they_say(explanation):
    drawn = explanation.plot_interactions("de", most=2)
    table = explanation.interactions.table("de").head(2)
    bars = drawn.axes[0].patches
    np.testing.assert_allclose([bar.get_width() for bar in bars], table["strength"])
    share = f"{100 * table['share'].iloc[0]:.2f}".replace(".", ",")
    assert drawn.axes[0].texts[0].get_text().endswith(f"({share} %)")


def test_themes_are_as_long_as_they_say(explanation):
    axes = explanation.plot_themes("de").axes[0]
    table = explanation.themes("de")
    table = table[table["importance"] > 0]
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], table["importance"])
    label = axes.get_yticklabels()[0].get_text()
    used = table["used"].iloc[0]
    text = table["text"].iloc[0]
    assert label == f"{text}\n({used} Merkmale)"
