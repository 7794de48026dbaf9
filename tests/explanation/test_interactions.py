from itertools import combinations
from math import factorial

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.explanation import interactions as module
from neigung.explanation.contributions import contributions
from neigung.explanation.explain import explain
from neigung.explanation.interaction_values import _paths, interaction_values, pairs_of
from neigung.explanation.interactions import interactions
from neigung.explanation.trees import Leaf, read_trees

COLUMNS = 5


@pytest.fixture(scope="module")
def booster():
    """Deep enough that columns repeat on a path, with categories, and missing values in two."""
    rng = np.random.default_rng(5)
    array = rng.normal(size=(600, COLUMNS))
    array[:, 3], array[:, 4] = rng.integers(0, 6, 600), rng.integers(0, 9, 600)
    array[rng.random(600) < 0.2, 0] = np.nan
    array[rng.random(600) < 0.2, 3] = np.nan
    y = np.nan_to_num(array[:, 0]) * array[:, 1] + (array[:, 3] % 2 == 1) * array[:, 2]
    y += (array[:, 4] > 5) * (array[:, 3] == 2)
    params = {"num_leaves": 15, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}
    params |= {"cat_smooth": 1, "min_data_per_group": 5, "max_cat_to_onehot": 2, "seed": 1}
    data = lgb.Dataset(array, y, categorical_feature=[3, 4], params=params)
    return lgb.train(params, data, 6)


@pytest.fixture(scope="module")
def asked():
    """Rows as at training, and with what it never saw: missing everywhere, new categories."""
    rng = np.random.default_rng(6)
    array = rng.normal(size=(5, COLUMNS))
    array[:, 3], array[:, 4] = [0, 1, 2, np.nan, 11], [0, 8, np.nan, 3, 40]
    array[1:3, 0] = array[2, 1] = array[3, 2] = np.nan
    return array


def known(node, row, columns):
    """What a tree, as LightGBM dumps it, expects of a row of which some columns are known."""
    if "leaf_value" in node:
        return node["leaf_value"]
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] not in columns:
        sizes = [child.get("internal_count", child.get("leaf_count")) for child in (left, right)]
        both = [known(child, row, columns) for child in (left, right)]
        return np.dot(sizes, both) / sum(sizes)
    value = row[node["split_feature"]]
    if node["decision_type"] == "==":
        goes = not np.isnan(value) and str(int(value)) in node["threshold"].split("||")
    elif np.isnan(value):
        goes = node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0
    else:
        goes = value <= node["threshold"]
    return known(left if goes else right, row, columns)


def brute_force(dumped, row):
    """Shapley interaction index of every pair, by its definition over all subsets."""
    game = {
        frozenset(some): sum(known(tree["tree_structure"], row, some) for tree in dumped)
        for size in range(COLUMNS + 1)
        for some in combinations(range(COLUMNS), size)
    }
    index = np.zeros((COLUMNS, COLUMNS))
    for a, b in combinations(range(COLUMNS), 2):
        for some in game:
            if a not in some and b not in some:
                weight = factorial(len(some)) * factorial(COLUMNS - len(some) - 2)
                parts = game[some | {a, b}] - game[some | {a}] - game[some | {b}] + game[some]
                index[a, b] += weight * parts / factorial(COLUMNS - 1)
    return index + index.T


def test_values_are_those_of_a_brute_force_over_subsets(booster, asked):
    dumped = booster.dump_model()["tree_info"]
    assert "'=='" in str(dumped), "the model must split on a category"
    trees = read_trees(dumped)
    pairs, _ = pairs_of(trees)
    together, alone = interaction_values(trees, asked, pairs)
    whole = booster.predict(asked, pred_contrib=True)
    for i, row in enumerate(asked):
        index = brute_force(dumped, row)
        np.testing.assert_allclose(together[:, i], index[tuple(pairs.T)], atol=1e-12)
        # What never meets on a path does nothing together.
        assert np.isclose(index.sum(), 2 * together[:, i].sum())
        np.testing.assert_allclose(alone[:, i] + index.sum(axis=1) / 2, whole[i, :-1], atol=1e-10)
    assert np.abs(together).max() > 0.05


def test_woodelf_agrees(booster, asked):
    from woodelf import WoodelfExplainer
    from woodelf.core.trees.decision_trees_ensemble import (
        DecisionTreesEnsemble,
        LeftIsSmallerEqualDecisionTreeNode,
    )

    class Node(LeftIsSmallerEqualDecisionTreeNode):
        def shall_go_left(self, row, GPU=False):
            asked = np.full((len(row), COLUMNS), np.nan)
            asked[:, self.feature_name] = row[self.feature_name]
            return pd.Series(self.split.goes_left(asked), index=row.index)

    def node(read):
        if isinstance(read, Leaf):
            return Node(None, read.value, None, None, cover=read.count)
        left, right = node(read.left), node(read.right)
        made = Node(read.column, read.threshold, right, left, cover=read.count)
        made.split, left.parent, right.parent = read, made, made
        return made

    def tree(read):
        root = node(read)
        for index, one in enumerate(root.bfs()):
            one.index = index
        root.depth = root.get_depth()
        return root

    trees = read_trees(booster.dump_model()["tree_info"])
    pairs, _ = pairs_of(trees)
    together, _ = interaction_values(trees, asked, pairs)
    explainer = WoodelfExplainer(DecisionTreesEnsemble([tree(read) for read in trees]))
    found = explainer.shap_interaction_values(
        pd.DataFrame(asked), include_interaction_with_itself=False, verbose=False
    )
    for side in (pairs, pairs[:, ::-1]):
        np.testing.assert_allclose(2 * found[:, *side.T].T, together, atol=1e-5)


def test_many_columns_on_a_path():
    """More than fit into two bytes, with each pattern told apart."""
    rng = np.random.default_rng(3)
    array = rng.normal(size=(300, 24))
    # One outlier after the other is split off.
    y = np.exp(np.sort(rng.normal(size=300)) * 5)
    array[np.arange(270, 294), np.arange(24)] += 9
    params = {"num_leaves": 40, "min_data_in_leaf": 1, "verbosity": -1, "num_threads": 1}
    params |= {"min_sum_hessian_in_leaf": 0, "max_bin": 300, "min_data_in_bin": 1}
    booster = lgb.train(params, lgb.Dataset(array, y, params=params), 4)
    trees = read_trees(booster.dump_model()["tree_info"])
    pairs, _ = pairs_of(trees)
    assert max(len(path) for tree in trees for path in _paths(tree, frozenset())) > 16
    together, alone = interaction_values(trees, array[:50], pairs)
    sums = alone.copy()
    for side in pairs.T:
        np.add.at(sums, side, together / 2)
    whole = booster.predict(array[:50], pred_contrib=True)[:, :-1]
    np.testing.assert_allclose(sums.T, whole, atol=1e-9 * np.abs(whole).max())


@pytest.fixture(scope="module")
def found(artefact, test_rows):
    return explain(artefact, test_rows).interactions


def test_strongest_pairs_come_first(found, artefact, test_rows):
    table = found.table("de")
    assert found.note is None
    assert table["strength"].is_monotonic_decreasing
    assert (table["strength"] > 0).all()
    given = contributions(artefact, test_rows.X)
    assert found.moved == pytest.approx(given.importance().sum())
    np.testing.assert_allclose(table["share"], table["strength"] / found.moved)
    for one in table.itertuples():
        values = found.of(one.a, one.b)
        np.testing.assert_array_equal(values, found.of(one.b, one.a))
        assert np.abs(values).mean() == pytest.approx(one.strength)
        assert (one.text_a, one.text_b) == tuple(
            next(column.text("de") for column in artefact.columns if column.name == name)
            for name in (one.a, one.b)
        )


def test_numbers(found):
    numbers = found.numbers()
    first = found.table().iloc[0]
    name = f"interaction.{first['a']}.{first['b']}"
    assert numbers[name] == first["strength"]
    assert numbers[f"{name}.share"] == first["share"]
    assert numbers["interaction.rows"] == len(found.rows) == 400
    assert len(numbers) == 1 + 2 * len(found)


def test_a_pair_that_does_nothing_is_an_input_error(found):
    with pytest.raises(InputError, match="'nothing' and 'order_count_30d' are not among the"):
        found.of("nothing", "order_count_30d")


def test_a_calibrated_margin_is_explained(artefact, test_rows, found):
    """The calibration's slope counts: without it, sums would not be the contributions."""
    model = artefact.classifier
    assert abs(model.calibration_.slope - 1) > 0.01
    trees = read_trees(model.booster_.dump_model()["tree_info"])
    array = model.encoder_.transform(test_rows.X)
    pairs, _ = pairs_of(trees)
    together, _ = interaction_values(trees, array, pairs)
    place = np.flatnonzero((pairs == found.pairs[0]).all(axis=1))[0]
    np.testing.assert_allclose(found.values[:, 0], model.calibration_.slope * together[place])


def test_large_models_are_sampled_evenly(artefact, test_rows, monkeypatch, found):
    monkeypatch.setattr(module, "MOST_ROWS", 120)
    given = contributions(artefact, test_rows.X)
    some = interactions(artefact, given, test_rows.X)
    assert (len(some.rows), some.rows[0], some.rows[-1], some.explained) == (120, 0, 399, 400)
    assert set(np.diff(some.rows)) == {3, 4}
    np.testing.assert_array_equal(
        some.of(*some.table()[["a", "b"]].iloc[0]),
        found.of(*some.table()[["a", "b"]].iloc[0])[some.rows],
    )
    for limit in ("_MOST_NUMBERS", "_MOST_STEPS"):
        with monkeypatch.context() as patch:
            patch.setattr(module, limit, 1)
            assert len(interactions(artefact, given, test_rows.X).rows) == 50


@pytest.mark.parametrize("wrong", ["size", "place", "alone", "unknown"])
def test_what_does_not_sum_up_is_not_shown(artefact, test_rows, monkeypatch, wrong):
    right = interaction_values

    def computed(*args):
        together, alone = right(*args)
        if wrong == "size":
            together = together * 1.001
        elif wrong == "place":
            together = together[::-1]
        elif wrong == "alone":
            alone = alone + 1e-4
        else:
            alone[0, 7] = np.nan
        return together, alone

    monkeypatch.setattr(module, "interaction_values", computed)
    some = explain(artefact, test_rows).interactions
    assert len(some) == 0
    assert "do not give the contributions" in some.note
    assert "nicht die Beiträge" in some.note.to("de")
    assert some.table().empty
    assert some.numbers() == {"interaction.rows": 400.0}


def test_no_rows_and_no_trees(artefact, test_rows, offer_case):
    none = explain(artefact, test_rows.X.iloc[:0]).interactions
    assert (len(none), none.values.shape, none.moved) == (0, (0, 0), 0.0)
    assert "no rows" in none.note
    case = offer_case()
    other = explain(case.artefact, case.test.frame.head(50)).interactions
    assert len(other) == 0
    assert "cannot be computed" in other.note


def test_features_that_never_meet(test_rows):
    from neigung.models.propensity.artefact import Artefact
    from neigung.models.propensity.classifier import PropensityClassifier

    X = test_rows.X
    model = PropensityClassifier({"n_estimators": 5, "num_leaves": 2}).fit(X, test_rows.y)
    alone = Artefact(model, test_rows.columns, {}, {}, (0.0, 1.0))
    some = explain(alone, X).interactions
    assert len(some) == 0
    assert "no two of them meet" in some.note
