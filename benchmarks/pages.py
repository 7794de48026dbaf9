"""Puts what `results.json` holds into the pages, between `<!-- bench:NAME -->` and its end.

What stands between the marks of a benchmark that has no result yet stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from measuring import goal_table, markdown

from neigung.files import write_text

PAGES = ("README.md", "SCALING.md")
BLOCK = re.compile(r"(<!-- bench:(\w+) -->\n).*?(<!-- /bench:\2 -->)", re.DOTALL)

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By benchmark and size."""


def rewrite(folder: Path, results: Results) -> None:
    """Rewrite the pages of a folder."""
    for name in PAGES:
        page = folder / name
        if page.exists():
            write_text(page, filled(page.read_text(encoding="utf-8"), results))


def filled(page: str, results: Results) -> str:
    """A page with its blocks made of the results."""

    def block(found: re.Match[str]) -> str:
        name = found[2]
        if name == "all" and results:
            text = overview(results)
        elif name in results:
            text = section(largest(results[name]))
        else:
            return found[0]
        return f"{found[1]}{text}\n{found[3]}"

    return BLOCK.sub(block, page)


def largest(entries: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The entry of the largest size."""
    return max(entries.values(), key=lambda entry: float(entry["size"]))


def section(entry: Mapping[str, Any]) -> str:
    """All that one benchmark found."""
    head = f"    {entry['command']}\n\n{entry['date']}, {_cost(entry)}."
    if entry["failed"]:
        return f"    {entry['command']}\n\n**Failed** on {entry['date']}: {entry['failed']}"
    tables = [table for table in (*entry["tables"], goal_table(entry["figures"])) if table["rows"]]
    return "\n\n".join([head, *map(markdown, tables)])


def _cost(entry: Mapping[str, Any]) -> str:
    size = "" if entry["size"] == 1 else f"size {entry['size']:g}: "
    return (
        f"{size}{entry['seconds']:,.0f} s, {entry['cpu_seconds']:,.0f} s of processor time, "
        f"{entry['peak_mb'] / 1e3:.1f} GB at most in all its processes"
    )


def overview(results: Results) -> str:
    """A line for each benchmark, and what they ran on."""
    rows, places = [], {}
    for name, entries in results.items():
        entry = largest(entries)
        told = [one["met"] for one in entry["figures"] if one["met"] is not None]
        goals = f"{sum(told)} of {len(told)}" if told else ""
        cells = [f"{entry[key]:,.0f}" for key in ("seconds", "cpu_seconds")]
        cells.append(f"{entry['peak_mb'] / 1e3:.1f}")
        if entry["failed"]:
            cells, goals = ["", "", ""], "**failed**"
        rows.append([name, f"{entry['size']:g}", *cells, goals, f"`{entry['command']}`"])
        places.setdefault(_place(entry), []).append(name)
    heads = ["benchmark", "size", "seconds", "CPU, s", "GB at most", "goals reached", "command"]
    table = {"title": "", "heads": heads, "rows": rows, "note": ""}
    told = [
        f"{place}." if len(places) == 1 else f"{', '.join(names)}: {place}."
        for place, names in places.items()
    ]
    return "\n\n".join([markdown(table), *told])


def _place(entry: Mapping[str, Any]) -> str:
    machine = entry["machine"]
    packages = ", ".join(f"{name} {one}" for name, one in entry["versions"].items())
    return (
        f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']} GB, "
        f"{machine['os']}; {packages}"
    )
