"""What is served: the answer of `GET /v1/models`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neigung.serving.access import ApiKey
from neigung.serving.studies import ServedStudy


def inventory(studies: Mapping[str, ServedStudy], key: ApiKey) -> dict[str, Any]:
    """The content of a `ModelsAnswer`: those studies that the key may use."""
    return {
        "models": [
            _model(served)
            for name, served in studies.items()
            if key.allows("predict", name) or key.allows("offers", name)
        ]
    }


def _model(served: ServedStudy) -> dict[str, Any]:
    loaded = served.loaded
    meta, info, snapshot = loaded.artefact.meta, loaded.info, loaded.snapshot
    cutoffs = loaded.artefact.cutoffs
    return {
        "study": info.study,
        "target": loaded.artefact.study["target"],
        "model_version": info.version,
        "registered": info.created,
        "artefact_digest": loaded.artefact.digest,
        "training_cutoffs": list(cutoffs.train),
        "test_cutoff": cutoffs.test,
        "data_digest": meta.get("data_digest"),
        "metrics": dict(info.metrics),
        "verdict": info.tags.get("verdict"),
        "features": list(loaded.names),
        "snapshot_cutoff": snapshot.cutoff,
        "snapshot_customers": len(snapshot),
        "snapshot_digest": snapshot.digest,
        # What went wrong stands in the log: it names places that are no client's business.
        "troubles": list(served.problems),
    }
