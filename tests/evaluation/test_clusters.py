import numpy as np
import pytest
from scipy import stats

from neigung.errors import InputError
from neigung.evaluation.clusters import Clusters, interval


def test_rows_of_their_own_give_the_textbook_interval():
    values = np.random.default_rng(0).normal(size=200)
    found = Clusters(np.arange(200)).mean(values)
    low, high = stats.t.interval(0.95, 199, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_repeated_rows_add_no_certainty():
    values = np.random.default_rng(1).normal(size=100)
    once = Clusters(np.arange(100)).mean(values)
    tripled = Clusters(np.repeat(np.arange(100), 3)).mean(np.repeat(values, 3))
    assert tripled.error == pytest.approx(once.error)


def test_clustered_intervals_cover_where_plain_ones_do_not():
    rng = np.random.default_rng(2)
    covered = {"plain": 0, "clustered": 0}
    for _ in range(200):
        groups = np.repeat(np.arange(60), 5)
        values = rng.normal(size=60)[groups] + 0.3 * rng.normal(size=300)
        for name, ids in (("plain", np.arange(300)), ("clustered", groups)):
            found = Clusters(ids).mean(values)
            covered[name] += found.low < 0 < found.high
    assert covered["clustered"] >= 183
    assert covered["plain"] < 150


def test_columns_are_judged_one_by_one():
    values = np.random.default_rng(3).normal(size=(50, 3))
    clusters = Clusters(np.arange(50) // 2)
    single = [clusters.errors(values[:, k])[0] for k in range(3)]
    np.testing.assert_allclose(clusters.errors(values), single)


def test_one_customer_has_no_interval():
    found = Clusters(["a", "a"]).mean([1.0, 2.0])
    assert found.value == 1.5
    assert np.isnan([found.low, found.high]).all()
    assert not found.clear
    assert np.isnan(interval(1.0, 0.1, 0).low)


@pytest.mark.parametrize(("groups", "found"), [([], "no rows"), (["a", None], "1 missing")])
def test_customers_are_needed(groups, found):
    with pytest.raises(InputError, match=found):
        Clusters(np.array(groups, dtype=object))
