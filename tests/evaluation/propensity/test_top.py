from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.evaluation.propensity.evaluate import evaluate


@pytest.fixture(scope="module")
def evaluation():
    rng = np.random.default_rng(1)
    p = rng.random(1000)
    y = (rng.random(1000) < p**2).astype(float)
    frame = pd.DataFrame({"cutoff": [pd.Timestamp("2024-05-01")] * 1000})
    test = SimpleNamespace(frame=frame, y=y, groups=np.arange(1000))
    return (
        evaluate(test, {"model": p, "bg_nbd": rng.random(1000), "worse": 1 - p}, repetitions=60),
        p,
        y,
    )


def test_top_counts_what_the_best_hold(evaluation):
    evaluation, p, y = evaluation
    table = evaluation.top()
    assert table["share"].tolist() == [0.1, 0.2, 0.3]
    for row in table.to_dict("records"):
        best = np.argsort(-p)[: row["customers"]]
        assert row["found"] == pytest.approx(y[best].sum())
        assert row["found_share"] == pytest.approx(y[best].sum() / y.sum())
        assert row["rate"] == pytest.approx(y[best].mean())
        assert row["lift"] == pytest.approx(y[best].mean() / y.mean())
        assert row["found_share_low"] < row["found_share"] < row["found_share_high"]
        assert row["lift_low"] < row["lift"] < row["lift_high"]
        assert row["baseline"] == "bg_nbd"
        assert row["more"] == pytest.approx(row["found"] - row["baseline_found"])
        assert 0 < row["more_low"] < row["more"] < row["more_high"]


def test_numbers_of_the_top(evaluation):
    numbers = evaluation[0].numbers()
    row = evaluation[0].top().iloc[1]
    assert numbers["top.20.customers"] == 200
    assert numbers["top.20.found"] == row["found"]
    assert numbers["top.20.found_share.low"] == row["found_share_low"]
    assert numbers["top.20.lift.high"] == row["lift_high"]
    assert numbers["top.20.more.low"] == row["more_low"]
    assert numbers["top.20.baseline_found_share"] == row["baseline_found_share"]


def test_other_shares(evaluation):
    table = evaluation[0].top([0.05, 1])
    assert table["customers"].tolist() == [50, 1000]
    assert table["found_share"][1] == table["baseline_found_share"][1] == 1
    assert table["more_low"].isna().all()
    for share in (0, 1.5):
        with pytest.raises(InputError, match="up to 1 is needed, but found"):
            evaluation[0].top([share])
