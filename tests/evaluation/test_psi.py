import numpy as np
import pandas as pd
import pytest

from neigung.evaluation.psi import Bins, psi, psi_by_chance, shift_level


def index(before, after, comparisons=100):
    """Index, chance and level of two columns."""
    before, after = pd.Series(before), pd.Series(after)
    bins = Bins.of(before)
    counts = [np.bincount(bins.codes(one), minlength=bins.count) for one in (before, after)]
    found, k = psi(*counts)
    chance = psi_by_chance(k, len(before), len(after), comparisons)
    return found, chance, shift_level(found, chance)


def test_the_index_is_that_of_the_formula():
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=20_000), rng.normal(0.5, 1, size=20_000)
    cuts = np.quantile(before, np.arange(1, 10) / 10)
    p, q = (np.bincount(np.searchsorted(cuts, v), minlength=10) / 20_000 for v in (before, after))
    assert index(before, after)[0] == pytest.approx(np.sum((q - p) * np.log(q / p)), rel=0.01)
    # Of two normal distributions half a standard deviation apart it is 0.25 without binning.
    assert index(before, after)[0] == pytest.approx(0.24, abs=0.02)


def numbers(rng, n):
    return rng.normal(size=n)


def counts(rng, n):
    return rng.poisson(0.3, n).astype(float)


def gaps(rng, n):
    return np.where(rng.random(n) < 0.3, np.nan, rng.lognormal(size=n))


def five_thousand(rng, n):
    return (rng.zipf(1.5, n) % 5000).astype(str)


@pytest.mark.parametrize("draw", [numbers, counts, gaps, five_thousand])
@pytest.mark.parametrize(("n", "m"), [(200, 200), (1500, 60)])
def test_few_rows_raise_no_alarm(draw, n, m):
    rng = np.random.default_rng(1)
    found = [index(draw(rng, n), draw(rng, m)) for _ in range(100)]
    assert [level for *_, level in found] == ["none"] * 100
    # One of a hundred reports may be wrong, hence one of 10,000 columns passes what chance can do.
    assert sum(one > chance for one, chance, _ in found) <= 1


def test_the_limit_of_chance_holds_what_it_says():
    rng = np.random.default_rng(2)
    found = [index(numbers(rng, 300), numbers(rng, 300), comparisons=0.05) for _ in range(400)]
    # Set for one in five.
    assert sum(one > chance for one, chance, _ in found) == pytest.approx(80, abs=30)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["web"] * 500, ["web"] * 250 + ["app"] * 250),
        (["web"] * 500, ["web"] * 250 + [None] * 250),
        ([0.0] * 500, [0.0] * 250 + [1.0] * 250),
        ([0.0] * 500, [0.0] * 250 + [-1.0] * 250),
        ([1.0] * 475 + [2.0] * 25, [1.0] * 375 + [1.5] * 125),
        ([1.0] * 500, [1.0] * 250 + [np.nan] * 250),
        ([np.nan] * 500, [1.0] * 500),
        ([True] * 500, [False] * 250 + [True] * 250),
        ([np.inf, 1.0] * 250, [-np.inf, 1.0] * 250),
    ],
)
def test_what_was_never_seen_is_a_shift(before, after):
    assert index(before, after)[2] == "strong"


@pytest.mark.parametrize("values", [[1.0], [np.nan], ["web"], [None], [np.inf], [True]])
def test_a_column_without_spread_stays(values):
    found, _, level = index(pd.Series(values * 200), pd.Series(values * 300))
    assert (round(found, 12), level) == (0, "none")


def test_names_of_which_each_is_its_own_level_say_nothing():
    names = [f"customer {i}" for i in range(400)]
    assert index(names[:200], names[200:])[2] == "none"


def test_levels_are_read_alike_whatever_their_type():
    text = pd.Series(["b", "a", None, "b"])
    for kind in ("category", "string", object):
        assert Bins.of(text.astype(kind)).codes(text.astype("category")).tolist() == [1, 0, 3, 1]
    # Categories in another order, and one more that nobody has.
    other = pd.Series(pd.Categorical(["b", "a", None, "c"], categories=["z", "c", "b", "a"]))
    assert Bins.of(text).codes(other).tolist() == [1, 0, 3, 2]


def test_levels_of_a_shift_take_chance_into_account():
    assert shift_level(float("nan"), float("nan")) == "unknown"
    assert [shift_level(one, 0.0) for one in (0.09, 0.1, 0.25)] == ["none", "some", "strong"]
    assert [shift_level(0.3, chance) for chance in (0.31, 0.3)] == ["none", "strong"]
    assert psi_by_chance(1, 10, 10) == 0
