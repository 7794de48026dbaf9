"""What the names of files say: a format, something hidden or temporary, a table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

Format = Literal["parquet", "text"]

PARQUET = (".parquet", ".pq", ".parq")
TEXT = (".csv", ".tsv", ".txt")
PACKED = ("", ".gz", ".zst", ".bz2")

_ENDINGS: dict[str, Format] = {
    **dict.fromkeys(PARQUET, "parquet"),
    **{f"{ending}{packed}": "text" for ending in TEXT for packed in PACKED},
}
_DEAD = re.compile(
    r"\.(tmp|temp|swp|swo|crc|part|partial|crdownload|download|lock|bak|old|orig)$|~$|^#.*#$",
    re.IGNORECASE,
)
_SYSTEM = frozenset(("thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "__macosx", "lost+found"))
_MARKS = re.compile(
    r"^(\.ds_store|\._.*|\..*\.crc|\.gitkeep|\.gitignore|\.keep|_success|_started.*|_committed.*"
    r"|_metadata|_common_metadata)$",
    re.IGNORECASE,
)
_PAPERS = (
    *(".md", ".rst", ".pdf", ".html", ".htm", ".docx", ".png", ".jpg", ".svg"),
    *(".py", ".ipynb", ".sql", ".sh", ".log", ".yaml", ".yml", ".sha256", ".md5"),
)


def format_of(path: Path) -> Format | None:
    """The format that a name's ending says, in any case; None for one that is not read.

    >>> format_of(Path("a.CSV.gz")), format_of(Path("a.pq")), format_of(Path("a.json"))
    ('text', 'parquet', None)
    """
    ending = _ending(path.name)
    return _ENDINGS[ending.lower()] if ending else None


def packing_of(path: Path) -> str:
    """How a file of text is packed: "gz", "zst", "bz2", or "" for not at all.

    >>> packing_of(Path("a.csv.GZ")), packing_of(Path("a.csv"))
    ('gz', '')
    """
    last = path.suffix.lower()
    return last[1:] if last in PACKED else ""


def known_endings() -> str:
    """What is said of a file whose ending is none of those that are read."""
    return (
        f"only files ending in {', '.join((*PARQUET, *TEXT))} are, the last three also packed "
        f"({', '.join(PACKED[1:])}). Export it as one of these, or remove it."
    )


def bare(path: Path) -> str:
    """A name without the endings of formats, known or not, and without marks of the hidden.

    >>> bare(Path("._consents.csv.zip")), bare(Path("order_lines.parquet")), bare(Path("a.b (1)"))
    ('consents', 'order_lines', 'a.b (1)')
    """
    name = re.sub(r"^[._~$#]+", "", path.name).rstrip("~#")
    ending = _ending(name)
    if ending:
        return name[: -len(ending)]
    return re.sub(r"(\.[A-Za-z][A-Za-z0-9]{0,9}){1,3}$", "", name)


def table_name(path: Path) -> str | None:
    """The name of the table that a file or folder holds, None for a file that is not read."""
    ending = _ending(path.name)
    if ending:
        return path.name[: -len(ending)]
    return path.name if path.is_dir() else None


def is_dead(path: Path) -> bool:
    """Whether a name is of something hidden, temporary or left over.

    >>> [is_dead(Path(n)) for n in ("_temporary", ".a.csv", "a.csv~", "a.csv", "_month=1")]
    [True, True, True, False, False]
    """
    name = path.name
    hidden = name.startswith((".", "~$")) or (name.startswith("_") and "=" not in name)
    return hidden or name.lower() in _SYSTEM or _DEAD.search(name) is not None


def is_harmless(path: Path) -> bool:
    """Whether a dead name is one that systems leave everywhere, without rows in it."""
    return path.name.lower() in _SYSTEM or _MARKS.match(path.name) is not None


def is_paper(path: Path) -> bool:
    """Whether a file is for readers rather than a table, by its ending."""
    return path.suffix.lower() in _PAPERS


def _ending(name: str) -> str:
    low = name.lower()
    found = [ending for ending in _ENDINGS if low.endswith(ending) and len(low) > len(ending)]
    return name[-len(max(found, key=len)) :] if found else ""
