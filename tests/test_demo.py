"""The demo on a small store in place of the real one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from neigung import demo
from tests.conftest import STUDY, Shop


def test_the_demo_runs_in_the_projects_folder_only(shop: Shop) -> None:
    ended = shop.run("demo")
    assert ended.code == 2
    assert "configs/purchase_7d.yaml" in ended.message


def test_a_demo_of_a_wheel_brings_its_studies(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = tmp_path / "package"
    packaged.mkdir()
    for study in demo.STUDIES:
        (packaged / Path(study).name).write_text("profiles: [", encoding="utf-8")
    monkeypatch.setattr(demo, "PACKAGED", packaged)
    (shop.folder / "configs").mkdir()
    own, brought = (shop.folder / study for study in demo.STUDIES)
    own.write_text("profiles: mine", encoding="utf-8")
    assert shop.run("demo").code == 2
    assert own.read_text(encoding="utf-8") == "profiles: mine"
    assert brought.read_text(encoding="utf-8") == "profiles: ["


def test_the_demo_ends_with_what_was_made_and_what_comes_next(
    quick: Shop, small_tables: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = quick.folder / "configs"
    configs.mkdir()
    for name, accepted in (("first", False), ("second", True)):
        study = STUDY | {"name": name, "features": ["order_hour_median"]}
        study["acceptance"] = {"beat_baseline": accepted}
        (configs / f"{name}.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    monkeypatch.setattr(demo, "STUDIES", ("configs/first.yaml", "configs/second.yaml"))

    ended = quick.run("demo")
    assert ended.code == 0, ended.err
    made, following = ended.out.split("Next:")
    assert made.split()[0] == "Made:"
    assert "first: version 1, champion" in made
    assert "second: version 1 " in made
    assert "challenger only" in made
    assert "neigung score configs/first.yaml" in following
    assert "open reports/first.html in a browser" in following
    for place in ("reports/first.html", "reports/second.html", "scores/first.parquet"):
        assert (quick.folder / place).exists()
    assert not (quick.folder / "scores" / "second.parquet").exists()
