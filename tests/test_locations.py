"""Addresses of SQLite files, as the databases' own library reads them."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from neigung.locations import sqlite_address, sqlite_path


@pytest.mark.parametrize(
    "name", ["plain", "a b", "Käufe", "x#1", "100%", "100%25", "a%20b", "[neu]", "a?b", "a&b",
             "it's", "a;b", "a+b", "a=b", "a@b", "a:b", 'a"b', "a//b"],
)  # fmt: skip
def test_an_address_names_the_file(name: str) -> None:
    for path in (Path("/shops") / name / "t.db", Path(name, "t.db")):
        address = sqlite_address(path)
        assert make_url(address).database == str(path)
        assert sqlite_path(address) == path
    assert sqlite_path("postgresql://db/crm") is None
    assert sqlite_path("sqlite:///a.db?mode=ro") == Path("a.db")
