"""What is wrong with a study, in sentences that name the key and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import yaml
from pydantic import BaseModel

Models = Callable[[str], tuple[type[BaseModel], ...]]
"""What may stand under a key such as `target`, or under none."""

KINDS = ("purchase", "churn", "offer", "custom")


def trouble(error: Exception) -> str:
    """What is wrong with a file, without the line itself, in which there may be a password."""
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.MarkedYAMLError) and mark is not None:
        return f"{error.problem} in line {mark.line + 1}, column {mark.column + 1}."
    return " ".join(str(error).split())


def explained(problem: Any, models: Models) -> str:
    """One pydantic error as one sentence that names the key and what would be right."""
    location = [str(part) for part in problem["loc"] if part not in KINDS]
    # A union of a word and a number or list reports each branch; the branch is no key.
    branches = ("literal[", "tuple[", "function-", "datetime", "constrained-", "dict[")
    location = [part for part in location if not part.startswith(branches)]
    key = ".".join(location) or "the study"
    if problem["type"] == "extra_forbidden":
        known = _known_keys(location[:-1], models)
        close = difflib.get_close_matches(location[-1], known, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        return f"unknown key '{key}'.{hint} Known keys: {', '.join(known)}."
    if problem["type"] == "missing":
        return f"'{key}' is missing."
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return message if key == "the study" else f"{key}: {message}."
    return f"{key}: {message}, found {problem['input']!r}."


def _known_keys(parents: list[str], models: Models) -> list[str]:
    there = models(".".join(parents))
    return list(dict.fromkeys(name for one in there for name in one.model_fields))
