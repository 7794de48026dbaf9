"""Of many tests at once: how small p values are by chance.

Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
Statistics 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def holm(p: Any) -> Floats:
    """Holm's p values (k,) of `p` (k,): the chance to see any as small where nothing is.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps)) if len(p) else steps
    return adjusted
