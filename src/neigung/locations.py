"""Where stores lie: shown and stored without passwords, escaped where they are URLs."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote

_SQLITE = "sqlite:///"

_USER_AND_PASSWORD = re.compile(r"(://[^:@/?#\s]*):[^\n]*@")
_PASSWORD_OPTION = re.compile(r"(?<=[?&])((?:ssl)?password)=([^&\s]*)&?", re.IGNORECASE)
_DANGLING = re.compile(r"[?&](?=\s|$)")


def shown(location: object) -> str:
    """A location, or a text with one in it, without the passwords of URLs.

    What is left is a location still: the password can come from the environment then.

    >>> shown("postgresql://shop:se:cr/e@t@db.example:5432/crm?schema=shop&password=secret")
    'postgresql://shop@db.example:5432/crm?schema=shop'
    >>> shown("data/profiles")
    'data/profiles'
    """
    text = _USER_AND_PASSWORD.sub(r"\1@", str(location))
    text, removed = _PASSWORD_OPTION.subn("", text)
    if removed:
        text = _DANGLING.sub("", text)
    return text


def passwords(location: str) -> dict[str, str]:
    """The passwords in a URL, by the names that PostgreSQL's drivers give them.

    >>> passwords("postgresql://shop:se%40cret@db/crm?sslpassword=key")
    {'password': 'se@cret', 'sslpassword': 'key'}
    """
    found = {name.lower(): unquote(value) for name, value in _PASSWORD_OPTION.findall(location)}
    before = _USER_AND_PASSWORD.search(location)
    if before:
        found["password"] = unquote(before[0][len(before[1]) + 1 : -1])
    return dict(sorted(found.items()))


def is_url(location: object) -> bool:
    """Whether a location is that of a server rather than a path.

    >>> is_url("postgresql://db/crm"), is_url("data/profiles"), is_url(r"C:\\data")
    (True, False, False)
    """
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", str(location)) is not None


def sqlite_address(path: Path) -> str:
    """The URL of a SQLite file, whatever the names of its folders.

    >>> sqlite_address(Path("/shops/100%25 a?b/t.db"))
    'sqlite:////shops/100%2525%20a%3Fb/t.db'
    """
    return f"{_SQLITE}{quote(path.as_posix())}"


def sqlite_path(address: str) -> Path | None:
    """The file of such a URL; None for any other.

    >>> sqlite_path("sqlite:////shops/100%2525%20a%3Fb/t.db")
    PosixPath('/shops/100%25 a?b/t.db')
    """
    if not address.startswith(_SQLITE):
        return None
    return Path(unquote(address.removeprefix(_SQLITE).partition("?")[0]))
