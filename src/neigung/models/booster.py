"""A LightGBM booster as text: what an artefact keeps of it."""

import re
from typing import Any


def model_text(booster: Any) -> str:
    """The booster's text without the thread count, the one line that the machine decides."""
    return re.sub(r"^\[num_threads: .*\]\n", "", booster.model_to_string(), flags=re.M)
