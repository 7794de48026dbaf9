import numpy as np
import pytest

from neigung.evaluation.many_tests import holm


def test_holm_corrects_step_by_step():
    p = np.array([0.5, 0.001, 0.02, 0.02])
    assert holm(p).tolist() == pytest.approx([0.5, 0.004, 0.06, 0.06])
    assert holm([]).tolist() == []
    assert holm([0.9, 0.8]).max() == 1


def test_holm_stops_at_the_first_failure():
    assert (holm([0.004, 0.03, 0.011]) <= 0.02).tolist() == [True, False, False]
