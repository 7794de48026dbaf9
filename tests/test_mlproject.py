"""The MLflow project calls our commands as they are."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.conftest import Shop
from tests.test_docs import parsed

ROOT = Path(__file__).parent.parent
ENTRY_POINTS: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "MLproject").read_text())[
    "entry_points"
]


def values(entry: dict[str, Any]) -> dict[str, str]:
    """What stands in for each parameter: its default, or something given."""
    return {
        name: "given" if isinstance(kind, str) else kind["default"]
        for name, kind in entry.get("parameters", {}).items()
    }


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_an_entry_point_is_a_command(name: str) -> None:
    entry = ENTRY_POINTS[name]
    given = values(entry)
    assert set(re.findall(r"{(\w+)}", entry["command"])) == set(given)
    program, command, *rest = shlex.split(entry["command"].format(**given))
    assert program == "neigung"
    assert command == ("demo" if name == "main" else name)
    read = parsed([command, *rest]).params
    # Each parameter reaches the option or argument of its name, and the defaults are the same.
    for parameter, value in given.items():
        assert str(read[parameter]) == value
        assert f"{{{parameter}}}" in entry["command"]


def test_defaults_are_those_of_the_command_line() -> None:
    for name, entry in ENTRY_POINTS.items():
        given = values(entry)
        plain = [v for v in given.values() if v == "given"]
        out = ["--out", "x"]
        one = ["--version", "1"]
        signed = [*one, "--decision", "approve", "--by", "Ada", "--note", "Fair."]
        needed = {"score": out, "offers": out, "report": out, "promote": one, "review": signed}
        arguments = plain[:1] + needed.get(name, [])
        read = parsed(["demo" if name == "main" else name, *arguments]).params
        for parameter, value in given.items():
            if parameter != "out" and value != "given":
                assert str(read[parameter]) == value, (name, parameter)


def test_a_project_run_runs(shop: Shop, small_tables: dict[str, pd.DataFrame]) -> None:
    shop.write(small_tables)
    shutil.copy(ROOT / "MLproject", shop.folder)
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    command = [programs / "mlflow", "run", ".", "--env-manager", "local", "-e", "check"]
    command += ["-P", "profiles=profiles"]
    ended = subprocess.run(
        command, capture_output=True, text=True, cwd=shop.folder, env=environment
    )
    assert ended.returncode == 0, ended.stderr
    assert "60 customers" in ended.stdout
