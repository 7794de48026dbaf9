"""Further versions of the study buy in a trained folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from neigung.tracking import registry
from neigung.tracking.connection import connected


def register(name: str, study: str = "buy", damaged: str | None = None) -> int:
    """One more version of a study: the first one with a remark; a file of it may be damaged."""
    artefact, _ = registry.load(study, 1)
    changed = replace(artefact, meta={**artefact.meta, "remark": name})
    place = Path(name).resolve()
    changed.save(place / registry.ARTEFACT_PATH)
    if damaged:
        damage(place / registry.ARTEFACT_PATH / damaged)
    with connected() as client:
        first = client.get_model_version(study, "1")
        tags = {**first.tags, registry.DIGEST_TAG: changed.digest}
        made = client.create_model_version(study, str(place), run_id=first.run_id, tags=tags)
    return int(made.version)


def elect(number: int, study: str = "buy") -> None:
    """Make a version the champion."""
    with connected() as client:
        client.set_registered_model_alias(study, registry.CHAMPION, str(number))


def damage(path: Path) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
