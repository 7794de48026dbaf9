from __future__ import annotations

from pathlib import Path

import pytest

from neigung.language import catalogue
from tests.language.pseudo import write_pseudo


@pytest.fixture
def pseudo(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of languages with the pseudo-language beside the others."""
    folder = tmp_path_factory.mktemp("locale")
    write_pseudo(folder)
    monkeypatch.setattr(catalogue, "LOCALE", folder)
    return folder
