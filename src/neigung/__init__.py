"""Open, self-hosted customer predictions: who will buy, what discount it takes, who is leaving.

import neigung as ng

study = ng.Study.load("configs/purchase_7d.yaml")
run = ng.train(study)
run.evaluation                      # the numbers beside their baselines
run.explanation.plot_importance()
ng.review(study, run.version, "approve", by="Ada", note="Calibrated, and fair by age.")
ng.promote(study, run.version)
scores = ng.score(study)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neigung.client import Client
    from neigung.decisions.allocation import allocate, cheapest
    from neigung.errors import NeigungError
    from neigung.features.feature import feature, ratio, spread
    from neigung.features.sources import COMBINED, ORDER_LINES, ORDERS
    from neigung.models.offers.uplift import UpliftModel
    from neigung.profiles.quality import check
    from neigung.profiles.store import Profiles
    from neigung.scoring.offers import offers
    from neigung.scoring.score import score
    from neigung.scoring.to_file import score_to
    from neigung.simulation.simulate import simulate
    from neigung.snapshots.write import write_snapshot
    from neigung.study import Study
    from neigung.tracking.gate import promote
    from neigung.tracking.overview import write_overview
    from neigung.tracking.registry import report_of, versions
    from neigung.tracking.review import review, reviews
    from neigung.training.train import train

# Where each name lives; it is imported when it is first used, so that `import neigung` is quick.
_HOMES = {
    "COMBINED": "features.sources",
    "Client": "client",
    "NeigungError": "errors",
    "ORDERS": "features.sources",
    "ORDER_LINES": "features.sources",
    "Profiles": "profiles.store",
    "Study": "study",
    "UpliftModel": "models.offers.uplift",
    "allocate": "decisions.allocation",
    "cheapest": "decisions.allocation",
    "check": "profiles.quality",
    "feature": "features.feature",
    "offers": "scoring.offers",
    "promote": "tracking.gate",
    "ratio": "features.feature",
    "report_of": "tracking.registry",
    "review": "tracking.review",
    "reviews": "tracking.review",
    "score": "scoring.score",
    "score_to": "scoring.to_file",
    "simulate": "simulation.simulate",
    "spread": "features.feature",
    "train": "training.train",
    "versions": "tracking.registry",
    "write_overview": "tracking.overview",
    "write_snapshot": "snapshots.write",
}

__all__ = [
    "COMBINED",
    "ORDERS",
    "ORDER_LINES",
    "Client",
    "NeigungError",
    "Profiles",
    "Study",
    "UpliftModel",
    "allocate",
    "cheapest",
    "check",
    "feature",
    "offers",
    "promote",
    "ratio",
    "report_of",
    "review",
    "reviews",
    "score",
    "score_to",
    "simulate",
    "spread",
    "train",
    "versions",
    "write_overview",
    "write_snapshot",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'neigung' has no attribute '{name}'")
    return getattr(importlib.import_module(f"neigung.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
