import re
import subprocess
import sys
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure

from neigung.evaluation.offers.offer_evaluation import evaluate_offers
from tests.evaluation.offer_trials import offers

PLOTS = ("qini", "effects", "bands", "policies", "balance")


@pytest.fixture(scope="module")
def evaluation():
    return evaluate_offers(offers(n=2000, targeted=0.5))


def texts(figure):
    figure.canvas.draw()
    found = [figure.get_suptitle(), figure.get_supxlabel(), figure.get_supylabel()]
    for axes in figure.axes:
        found += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
        for axis in (axes.xaxis, axes.yaxis):
            found += [label.get_text() for label in axis.get_ticklabels()]
    return [text for text in found if text]


@pytest.mark.parametrize("plot", PLOTS)
def test_plots_are_drawn_in_both_languages(evaluation, plot):
    told = []
    for language in ("en", "de"):
        figure = getattr(evaluation, f"plot_{plot}")(language)
        assert isinstance(figure, Figure)
        figure.savefig(file := BytesIO(), format="svg")
        assert len(file.getvalue()) > 5000
        told.append(texts(figure))
    assert not set(told[0]) >= set(told[1])
    # Arms keep their own names; everything else is German.
    german = [text for text in told[1] if text not in ("5%", "10%", "20%")]
    assert not any(re.search(r"\d\.\d", text) for text in german)


def test_curves_and_effects_hold_the_numbers(evaluation):
    lines = evaluation.plot_qini().axes[0].get_lines()
    curve = evaluation.curves[evaluation.curves["arm"] == "5%"]
    expected = curve[curve["model"] == "model"]["gain"] * 100
    np.testing.assert_allclose(lines[0].get_ydata(), expected)
    drawn = evaluation.plot_effects().axes[0].get_lines()
    np.testing.assert_allclose(drawn[0].get_ydata(), evaluation.arm_effects["effect"] * 100)
    np.testing.assert_allclose(drawn[1].get_ydata(), evaluation.arm_effects["naive"] * 100)
    names = [label.get_text() for label in evaluation.plot_policies().axes[0].get_yticklabels()]
    assert names[:4] == ["Model", "Likely buyers first", "Drawn by lot", "No offer"]


def test_figures_are_all_of_them(evaluation):
    assert set(evaluation.figures("de")) == set(PLOTS)


def test_four_arms_stand_in_a_square(evaluation):
    assert len(evaluation.plot_bands().axes) == 3
    figure = replace(evaluation, arms=("5%",)).plot_bands()
    assert [axes.get_title() for axes in figure.axes] == ["5%"]


@pytest.mark.parametrize("plot", PLOTS)
def test_plots_of_an_evaluation_without_answers(plot):
    bare = evaluate_offers(offers(n=60, X=None))
    figure = getattr(bare, f"plot_{plot}")("de")
    figure.savefig(BytesIO(), format="svg")
    told = [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]
    assert any(told), "a picture without answers still says what it is about"


def test_nothing_heavy_on_import():
    code = (
        "import sys, neigung.evaluation.offers.offer_evaluation, neigung.pictures.of_offers\n"
        "heavy = {'matplotlib', 'sklearn', 'scipy', 'lightgbm'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
