import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from neigung.evaluation.stability import assess_stability, seed_table
from tests.evaluation.columns import column
from tests.pictures.drawn import drawn

PLOTS = ("drift", "leaks", "seeds")


@pytest.fixture(scope="module")
def stability():
    rng = np.random.default_rng(0)
    columns = [column(f"c{i}", text=f"$a^{i}$ costs {'very ' * 20}much") for i in range(30)]
    before, test, now = (
        pd.DataFrame({one.name: rng.normal(k * i / 30, 1, 300) for i, one in enumerate(columns)})
        for k in (0, 0.5, 4)
    )
    y = (rng.random(300) < 0.3).astype(float)
    before["c20"], test["c20"] = y, y
    scores = {name: rng.random(300) for name in ("before", "test", "now")}
    return assess_stability(
        before,
        {"test": test, "now": now},
        columns,
        scores=scores,
        importance={one.name: 1 / (1 + i) for i, one in enumerate(columns)},
        train_y=y,
        test_y=y,
        seeds=seed_table("auroc", scores["test"], {5: scores["now"]}, y, registered_seed=3),
    )


@pytest.mark.parametrize("plot", PLOTS)
def test_plots_say_the_same_in_both_languages(stability, plot):
    told = [drawn(getattr(stability, f"plot_{plot}")(language)) for language in ("en", "de")]
    assert not set(told[0]) >= set(told[1])
    german = [text for text in told[1] if "$" not in text]
    assert not any(re.search(r"\d\.\d|\d%", text) for text in german), german


@pytest.mark.parametrize("plot", PLOTS)
def test_nothing_to_see_is_said(stability, plot):
    bare = replace(
        stability,
        drift=stability.drift[:0],
        seeds=stability.seeds[:0],
        leaks=stability.leaks[:0],
    )
    assert "not examined" in drawn(getattr(bare, f"plot_{plot}")())
    few = replace(stability, drift=stability.drift.assign(psi=np.nan, chance=np.nan))
    assert "nicht untersucht" in drawn(few.plot_drift("de"))


def test_drift_shows_the_strongest_with_the_limits_in_words(stability):
    figure = stability.plot_drift(most=6)
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert len(names) == 6
    assert names[0] == "The prediction itself"
    # Foreign text is no formula, and is cut.
    assert names[1].startswith(r"EN \$a^")
    assert all(len(name) < 70 for name in names)
    texts = drawn(figure)
    assert {"hardly", "somewhat", "strongly", "by chance up to here"} <= set(texts)
    now = stability.drift[stability.drift["against"] == "now"]
    largest = now[now["column"] != "score"].nlargest(5, "psi")["psi"]
    marks = next(
        line for line in axes.get_lines() if line.get_label() == "training to the newest data"
    )
    np.testing.assert_allclose(marks.get_xdata()[1:], largest.clip(upper=1))
    assert f"{largest.iloc[0]:.1f}" in texts
    assert largest.iloc[0] > 1


def test_a_suspicious_column_is_shown_however_light(stability):
    figure = stability.plot_leaks(most=4)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert [name[:8] for name in names] == [rf"EN \$a^{i}"[:8] for i in (0, 1, 2, 3, 20)]
    assert len(figure.axes) == 2
    offers = replace(stability, leaks=stability.leaks.assign(auroc=np.nan))
    assert len(offers.plot_leaks().axes) == 1


def test_seeds_mark_this_model(stability):
    axes = stability.plot_seeds("de").axes
    names = [label.get_text() for label in axes[0].get_yticklabels()]
    assert names == ["Startwert 3 (dieses Modell)", "Startwert 5"]
    lines = axes[1].get_lines()
    np.testing.assert_array_equal(lines[0].get_xdata(), stability.seeds["correlation"])
    offers = replace(stability, seeds=stability.seeds.assign(value=np.nan))
    assert len(offers.plot_seeds().axes) == 1
