"""The wheel, installed alone, holds all that the commands read."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Shop

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_package_and_the_studies(wheel: Path) -> None:
    def files(folder: Path) -> set[str]:
        paths = (path for path in folder.rglob("*") if "__pycache__" not in path.parts)
        return {f"{folder.name}/{path.relative_to(folder)}" for path in paths if path.is_file()}

    with zipfile.ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if ".dist-info/" not in name}
    own = files(ROOT / "src" / "neigung")
    assert {Path(name).suffix for name in own} >= {".py", ".typed", ".yaml", ".j2", ".css", ".js"}
    assert held == own | {f"neigung/{name}" for name in files(ROOT / "configs")}


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel and what the lock brings, no more."""
    folder = tmp_path_factory.mktemp("alone") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    programs = folder / "bin"
    install = ["pip", "install", "--quiet", "--offline", "--no-cache", "--no-deps", wheel]
    subprocess.run(
        [sys.executable, "-m", "uv", *install, "--python", programs / "python"], check=True
    )
    # Of a folder that is named so only the packages count, not what they add to the path.
    where = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", where))
    (packages / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return programs


def run(programs: Path, folder: Path, *command: str) -> str:
    """What a program of the environment says."""
    kept = {"HOME", "LANG", "TMPDIR"}
    environment = {name: value for name, value in os.environ.items() if name in kept}
    environment["PATH"] = f"{programs}{os.pathsep}{os.defpath}"
    ended = subprocess.run(
        [programs / command[0], *command[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.slow
def test_the_commands_run_from_the_wheel(
    programs: Path, shop: Shop, small_tables: dict[str, pd.DataFrame], empty_mlflow: Path
) -> None:
    folder = shop.folder
    shop.write(small_tables)
    shop.study(acceptance={"beat_baseline": False})
    (folder / "mlflow.db").write_bytes(empty_mlflow.read_bytes())
    place = run(programs, folder, "python", "-c", "import neigung; print(neigung.__file__)")
    assert Path(place.strip()).is_relative_to(programs.parent)

    assert "Usage: neigung" in run(programs, folder, "neigung", "--help")
    assert "60 customers" in run(programs, folder, "neigung", "check", "profiles")
    run(programs, folder, "neigung", "train", "study.yaml")
    for language in ("en", "de"):
        report = ("report", "study.yaml", "--version", "1", "--language", language)
        run(programs, folder, "neigung", *report, "--out", f"{language}.html")
        page = (folder / f"{language}.html").read_text(encoding="utf-8")
        assert page.startswith("<!DOCTYPE html>")
        assert f'<html lang="{language}"' in page
