import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import FancyArrow

from neigung.errors import InputError
from neigung.explanation import bulk
from neigung.explanation import contributions as module
from neigung.explanation.contributions import contributions, telling_arm
from neigung.explanation.explain import explain
from neigung.explanation.interaction_values import interaction_values, pairs_of
from neigung.explanation.trees import read_trees


@pytest.fixture(scope="module")
def fitted(offer_case):
    """A model of offers as a study learns it."""
    return offer_case(count=1500, real=True)


def test_rows_sum_to_the_uplift_of_each_arm(fitted):
    X = fitted.test.X.copy()
    X["last_channel"] = X["last_channel"].astype(object)
    X.loc[:9, "last_channel"] = "kiosk"  # never seen in training
    X.loc[5:14, "order_count_30d"] = np.nan
    uplift = fitted.artefact.model.uplift.predict(X)
    starts = set()
    for arm in fitted.artefact.arms:
        found = contributions(fitted.artefact, X, arm)
        assert (found.arm, found.unit) == (arm, "points")
        assert found.values.shape == (len(X), len(fitted.artefact.columns))
        sums = found.values.sum(axis=1) + found.base
        np.testing.assert_allclose(sums, uplift[arm], atol=1e-9)
        np.testing.assert_array_equal(found.margin, uplift[arm])
        np.testing.assert_array_equal(found.take([3]).values, found.values[[3]])
        assert found.take([3]).arm == arm
        starts |= {found.start(row) for row in range(len(X))}
        ends = [found.start(row) + found.values[row].sum() for row in range(0, len(X), 50)]
        np.testing.assert_allclose(ends, uplift[arm].iloc[::50], atol=1e-9)
    # Averaged over neighbouring rates, so that the uplift rises: such rows start in between.
    assert len(starts) > 2


def test_bulk_equals_lightgbm(fitted, monkeypatch, recwarn):
    X = fitted.test.X
    for arm in fitted.artefact.arms:
        monkeypatch.setattr(module, "MANY_ROWS", len(X) + 1)
        exact = contributions(fitted.artefact, X, arm)
        monkeypatch.setattr(module, "MANY_ROWS", 2)
        found = contributions(fitted.artefact, X, arm)
        largest = np.abs(exact.values).max()
        assert largest > 0
        np.testing.assert_allclose(found.values, exact.values, atol=1e-5 * largest)
        sums = found.values.sum(axis=1) + found.base
        np.testing.assert_allclose(sums, found.margin, atol=1e-9)
        starts = [[one.start(row) for row in range(len(X))] for one in (found, exact)]
        np.testing.assert_allclose(*starts, atol=1e-12)
    assert not [one for one in recwarn if "disagree" in str(one.message)]


def test_interactions_follow_the_averaging_of_neighbouring_rates(fitted):
    """Where two arms' uplifts are averaged, so is what their boosters make of a pair."""
    artefact = fitted.artefact
    given = explain(artefact, fitted.test.frame.head(900), "5%")
    found = given.interactions
    assert (found.note, found.unit, found.rows.tolist()) == (None, "points", [*range(len(given.X))])
    model = artefact.model.uplift
    array = model.encoder_.transform(given.X)
    steps = model.calibration_.apply(np.eye(2)) - model.calibration_.apply(np.zeros((2, 2)))
    [pair] = found.pairs[:1]
    said = []
    for booster, (scale, _), slope in zip(
        model.boosters_, model.reading_, np.diag(steps), strict=True
    ):
        trees = read_trees(booster.dump_model()["tree_info"])
        pairs, _ = pairs_of(trees)
        together, _ = interaction_values(trees, array, pairs)
        said.append(scale * slope * together[(pairs == pair).all(axis=1)].sum(axis=0))
    averaged = np.isclose(*model.predict(given.X).to_numpy().T, rtol=1e-12, atol=0)
    assert averaged.any()
    assert not averaged.all()
    expected = np.where(averaged, np.mean(said, axis=0), said[0])
    np.testing.assert_allclose(found.values[:, 0], expected, atol=1e-12)
    assert np.abs(expected).max() > 1e-4


def test_disagreement_falls_back(fitted, monkeypatch):
    X = fitted.test.X.head(300)
    exact = contributions(fitted.artefact, X, "10%")
    right = bulk.shap_values
    monkeypatch.setattr(module, "MANY_ROWS", 2)
    for wrong in (lambda *args: right(*args)[:, ::-1], lambda *args: 1.001 * right(*args)):
        monkeypatch.setattr(bulk, "shap_values", wrong)
        with pytest.warns(UserWarning, match="disagree"):
            found = contributions(fitted.artefact, X, "10%")
        np.testing.assert_array_equal(found.values, exact.values)


@pytest.mark.parametrize(
    ("outcome", "unit"), [("purchase", "points"), ("value", "money"), ("margin", "money")]
)
def test_unit_follows_the_outcome(offer_case, outcome, unit):
    case = offer_case(outcome=outcome)
    assert contributions(case.artefact, case.test.X.head(3)).unit == unit


def test_the_arm_that_differs_most_is_explained(offer_case):
    case = offer_case()
    uplift = case.artefact.model.uplift
    assert telling_arm(case.artefact, case.test.X) == "10%"
    assert explain(case.artefact, case.test).arm == "10%"
    assert explain(case.artefact, case.test, "5%").arm == "5%"
    # One row differs from none: the larger uplift counts, also of one that puts off.
    row = case.test.X.iloc[[int(np.argmin(uplift.predict(case.test.X)["10%"]))]]
    assert uplift.predict(row)["10%"].iloc[0] < 0
    assert telling_arm(case.artefact, row) == "10%"


def test_no_rows(offer_case):
    case = offer_case()
    found = contributions(case.artefact, case.test.X.iloc[:0])
    assert len(found) == 0
    assert found.unit == "points"


def test_wrong_arms_are_input_errors(offer_case, artefact, test_rows):
    case = offer_case()
    for arm in ("none", "7%"):
        with pytest.raises(InputError, match=f"among 5%, 10% is needed, found '{arm}'"):
            explain(case.artefact, case.test, arm)
    with pytest.raises(InputError, match="offer model only, but found the arm '10%'"):
        contributions(artefact, test_rows.X, "10%")


def figures(explanation, customer, language):
    return {
        "importance": explanation.plot_importance(language),
        "beeswarm": explanation.plot_beeswarm(language),
        "dependence": explanation.plot_dependence("discount_share", language),
        "waterfall": explanation.plot_waterfall(customer, language),
    }


@pytest.mark.parametrize(
    ("outcome", "language", "unit"),
    [
        ("purchase", "en", "percentage points"),
        ("purchase", "de", "Prozentpunkte"),
        ("value", "en", "in the shop's currency"),
        ("margin", "de", "in der Währung des Shops"),
    ],
)
def test_plots_say_their_unit(offer_case, outcome, language, unit):
    case = offer_case(outcome=outcome)
    explanation = explain(case.artefact, case.test.frame.head(200))
    customer = case.test.frame["customer_id"].iloc[0]
    for name, figure in figures(explanation, customer, language).items():
        figure.draw_without_rendering()
        axes = figure.axes[0]
        label = axes.get_ylabel() if name == "dependence" else axes.get_xlabel()
        assert f"({unit})" in label
        assert "log" not in label.lower()
    assert plt.get_fignums() == []


def test_log_odds_stay_log_odds(artefact, test_rows):
    explanation = explain(artefact, test_rows)
    customer = test_rows.frame["customer_id"].iloc[0]
    for language, unit in (("en", "(log-odds)"), ("de", "(Log-Odds)")):
        for name, figure in figures(explanation, customer, language).items():
            axes = figure.axes[0]
            assert unit in (axes.get_ylabel() if name == "dependence" else axes.get_xlabel())
    assert "(log-odds)" in explanation._repr_html_()


def test_numbers_in_plots_are_percentage_points(offer_case):
    case = offer_case()
    explanation = explain(case.artefact, case.test.frame.head(200))
    given = explanation.contributions
    bars = explanation.plot_importance().axes[0].patches
    assert bars[0].get_width() == pytest.approx(100 * given.importance().max())
    customer = case.test.frame["customer_id"].iloc[5]
    axes = explanation.plot_waterfall(customer).axes[0]
    arrows = [patch for patch in axes.patches if isinstance(patch, FancyArrow)]
    ends = np.concatenate([arrow.get_xy()[:, 0] for arrow in arrows])
    assert np.abs(ends - 100 * given.margin[5]).min() == pytest.approx(0, abs=1e-6)
    written = [text.get_text() for text in axes.texts]
    told = f"{abs(100 * given.margin[5]):.1f} percentage points"
    assert any(text.startswith("this customer") and told in text for text in written)
    html = explanation._repr_html_()
    assert "what 10% changes (percentage points)" in html
    assert f"{100 * given.importance().max():.3f}" in html
