"""The lock holds all that it needs itself, and the set-up asks for nothing that is newer.

What a package needs is read where it is installed, and judged for other Pythons and systems, too.
What only these install is not here to be read: so much of them is not checked.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
ENTRY = re.compile(
    r"^(\S+)==(\S+)(?: ; (.+))?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", flags=re.MULTILINE
)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {
    "Linux": {"sys_platform": "linux", "os_name": "posix", "platform_machine": "x86_64"},
    "Linux on ARM": {"sys_platform": "linux", "os_name": "posix", "platform_machine": "aarch64"},
    "macOS": {"sys_platform": "darwin", "os_name": "posix", "platform_machine": "arm64"},
    "macOS on Intel": {"sys_platform": "darwin", "os_name": "posix", "platform_machine": "x86_64"},
    "Windows": {"sys_platform": "win32", "os_name": "nt", "platform_machine": "AMD64"},
}
NAMES = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}
Locked = dict[str, list[tuple[Version, Marker | None]]]


def locked() -> Locked:
    found: Locked = {}
    for name, version, marker, _ in ENTRY.findall(LOCK):
        found.setdefault(name, []).append((Version(version), Marker(marker) if marker else None))
    return found


def environment(python: str, system: str) -> dict[str, str]:
    """What markers ask for, on another Python or system."""
    own = {name: str(value) for name, value in default_environment().items()}
    release = {"python_version": python, "python_full_version": f"{python}.1"}
    known = SYSTEMS[system] | {"platform_system": NAMES[SYSTEMS[system]["sys_platform"]]}
    return own | release | {"implementation_version": f"{python}.1"} | known


def wanted() -> list[Requirement]:
    """What the project itself needs, with all that `make setup` installs."""
    project = PROJECT["project"]
    groups = (project["dependencies"], *project["optional-dependencies"].values())
    return [Requirement(one) for group in (*groups, PROJECT["dependency-groups"]["dev"])
            for one in group]  # fmt: skip


def faults(lock: Locked, python: str, system: str) -> tuple[list[str], set[str]]:
    """What is missing in a lock or of a wrong version, and the packages that cannot be read."""
    here = environment(python, system)
    open_ends = [("the project", one) for one in wanted()]
    wrong, unread, seen = [], set(), set()
    while open_ends:
        asking, needed = open_ends.pop()
        name = canonicalize_name(needed.name)
        versions = [version for version, marker in lock.get(name, ())
                    if marker is None or marker.evaluate(here)]  # fmt: skip
        if len(versions) != 1:
            wrong.append(f"{asking} needs {needed}, locked are {len(versions)} versions")
            continue
        if not needed.specifier.contains(versions[0], prereleases=True):
            wrong.append(f"{asking} needs {needed}, locked is {versions[0]}")
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            found = None
        if found is None or Version(found.version) != versions[0]:
            unread.add(name)
            continue
        if python not in SpecifierSet(found.metadata.get("Requires-Python", "")):
            wrong.append(f"{name} {versions[0]} is not for Python {python}")
        for extra in {"", *needed.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                own = map(Requirement, found.requires or [])
                open_ends += [(name, one) for one in own if one.marker is None
                              or one.marker.evaluate(here | {"extra": extra})]  # fmt: skip
    return wrong, unread


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_is_closed_under_what_it_needs(python: str, system: str) -> None:
    assert python in SpecifierSet(PROJECT["project"]["requires-python"])
    lock = locked()
    wrong, unread = faults(lock, python, system)
    assert wrong == []
    # All that is installed here was read; the rest the lock names for other machines alone.
    here = {name: str(value) for name, value in default_environment().items()}
    there = environment(python, system)
    assert [
        f"{name}=={version}"
        for name in unread
        for version, marker in lock[name]
        if marker is None or (marker.evaluate(here) and marker.evaluate(there))
    ] == []


def test_what_is_missing_is_found() -> None:
    lock = locked()
    del lock["psycopg-binary"]  # comes in by an extra alone
    [told] = faults(lock, "3.12", "Linux")[0]
    assert re.fullmatch("psycopg needs psycopg-binary==.* locked are 0 versions", told)
    lock = locked()
    lock["click"] = [(Version("1.0"), None)]
    told = "\n".join(faults(lock, "3.11", "macOS")[0])
    assert re.search(r"^flask needs click>=[\d.]+, locked is 1\.0$", told, flags=re.M)


def test_every_python_gets_the_same_on_linux() -> None:
    """Models of one machine are those of the next, with each Python that was tried."""
    lock = locked()
    tried = [one.rsplit(" ", 1)[1] for one in PROJECT["project"]["classifiers"]]
    told = re.search("It was tried with (.+), which", (ROOT / "README.md").read_text("utf-8"))
    assert told
    assert told[1].replace(" and", ",").split(", ") == tried

    def installed(python: str) -> dict[str, Version]:
        here = environment(python, "Linux")
        return {name: version for name, each in lock.items() for version, marker in each
                if marker is None or marker.evaluate(here)}  # fmt: skip

    first, *others = map(installed, tried)
    assert others == [first] * len(others)


def test_the_lock_is_only_of_versions_and_hashes() -> None:
    rest = re.sub(r"^    # .*\n", "", ENTRY.sub("", LOCK), flags=re.M)
    assert rest.strip() == ""
    assert "://" not in LOCK
    assert " @ " not in LOCK
    assert len(re.findall("==.*\\\\\n", LOCK)) == len(ENTRY.findall(LOCK)) > 200


INSTALLER = re.compile(r"(?<![\w.-])(?:pip3?|uvx?|pipx|npm|npx|conda|poetry|playwright)(?![\w.-])")
ALLOWED = (
    "install --no-deps --require-hashes --requirement .venv/build.lock",
    "install --no-deps --require-hashes --no-build-isolation --use-pep517 "
    "--requirement requirements.lock",
    "install --no-deps --no-build-isolation --editable .",
    "check",
)


def test_the_set_up_installs_the_lock_and_asks_for_nothing_else() -> None:
    asked = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--dry-run", "--always-make", "setup", "demo", "test", "notebooks", "bench"]
    told = subprocess.run(command, cwd=ROOT, env=asked, capture_output=True, text=True, check=True)
    lines = told.stdout.replace("\\\n", "").splitlines()
    called = [line for line in lines if INSTALLER.search(line) and not line.startswith("#")]
    pip = ".venv/bin/python -m pip --quiet --disable-pip-version-check"
    assert called == [f"{pip} {arguments}" for arguments in ALLOWED]
    for file in (".ci/run", "MLproject"):
        assert not INSTALLER.search((ROOT / file).read_text(encoding="utf-8"))


def test_the_package_calls_no_installer() -> None:
    calls = re.compile(r"""["'](?:pip3?|uvx?|npm|npx|conda|playwright)["'],""")
    files = (ROOT / "src").rglob("*.py")
    assert [str(file) for file in files if calls.search(file.read_text(encoding="utf-8"))] == []
