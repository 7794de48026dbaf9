"""A folder for `bentoml build`: the service with pinned versions, able to start without MLflow."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

import neigung
from neigung.errors import InputError
from neigung.files import replacing_folder
from neigung.locations import is_url
from neigung.serving.pinned import Pinned
from neigung.serving.settings import HOME, Settings
from neigung.study import Study
from neigung.tracking.registry import CHAMPION, load

_BENTOFILE = "bentofile.yaml"

_SERVICE = '''\
"""The prediction service with the versions in this folder."""

import os
from pathlib import Path

os.environ.setdefault("NEIGUNG_SERVING", str(Path(__file__).with_name("serving.json")))

from neigung.serving.service import NeigungService  # noqa: E402, F401
'''


def write_bundle(studies: Sequence[Path], out: Path) -> str:
    """Write studies, champions, this package and a bentofile; returns what to do next.

    Snapshots, API keys and the decision log change every day, so they stay outside: the settings
    in `serving.json` say where they lie, in the folder that NEIGUNG_HOME names.
    An earlier bundle at `out` is replaced. Raises TrackingError without a champion, InputError when
    something else is at `out`.
    """
    if out.exists() and not (out / _BENTOFILE).is_file() and (out.is_file() or any(out.iterdir())):
        raise InputError(
            f"A bundle needs a new folder, but {out} holds something else. Name another folder."
        )
    loaded = [(Study.load(path), path) for path in studies]
    champions = [(study, path, *load(study.name, CHAMPION)) for study, path in loaded]
    with replacing_folder(out) as folder:
        (folder / "studies").mkdir()
        for study, _, artefact, info in champions:
            Pinned(folder / "artefacts").write(artefact, info)
            content = study.to_dict()
            if not is_url(study.profiles):
                content["profiles"] = str(Path(study.profiles).resolve())
            if study.my_features is not None:
                own = f"{study.name}_features.py"
                shutil.copyfile(study.my_features, folder / "studies" / own)
                content["my_features"] = own
            text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
            (folder / "studies" / f"{study.name}.yaml").write_text(text, encoding="utf-8")
        settings = Settings(
            studies=tuple(f"studies/{study.name}.yaml" for study, *_ in champions),
            follow_registry=False,
        )
        settings.write(folder / "serving.json")
        package = Path(neigung.__file__).parent
        shutil.copytree(package, folder / "neigung", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "service.py").write_text(_SERVICE)
        (folder / "requirements.txt").write_text("\n".join(_requirements()) + "\n")
        labels = {study.name: str(info.version) for study, _, _, info in champions}
        bentofile = {
            "service": "service:NeigungService",
            "name": "neigung",
            "labels": labels,
            "include": ["**"],
            "python": {"requirements_txt": "requirements.txt", "lock_packages": False},
        }
        (folder / _BENTOFILE).write_text(yaml.safe_dump(bentofile, sort_keys=False))
    versions = ", ".join(f"{name} version {version}" for name, version in labels.items())
    return (
        f"{versions}: {out}\nNext: bentoml build {out}\nThen: {HOME}=FOLDER bentoml serve neigung, "
        "with snapshots/, .neigung/keys.json and .neigung/log.key in FOLDER"
    )


def _requirements() -> list[str]:
    """What the package needs, and what that needs, in the versions that are installed here.

    Whole, lest an image that is built of it gets what was released since.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[tuple[str, str], str] = {}
    open_ends = [("neigung", "")]
    while open_ends:
        package, extra = end = open_ends.pop()
        if end in found:
            continue
        found[end] = importlib.metadata.version(package)
        for needed in map(Requirement, importlib.metadata.requires(package) or []):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                name = canonicalize_name(needed.name)
                open_ends += [(name, one) for one in ("", *needed.extras)]
    del found["neigung", ""]
    return sorted({f"{name}=={version}" for (name, _), version in found.items()})
