"""Are the customers still those of the training?"""

from __future__ import annotations

from neigung.evaluation.psi import SOME, STRONG
from neigung.evaluation.stability import SCORE
from neigung.judgement.check import Check, Examined, Said
from neigung.judgement.quotes import inner
from neigung.language import Message, stored_in
from neigung.language.intervals import format_number
from neigung.language.numbers import number_text, share_text

MOVED_WEIGHT = 0.1
"""The share of the contributions that strongly moved columns may have."""

_TEXTS = {
    "good": Message(
        "The predictions are spread as in the training (PSI {psi}, up to {until}), and features "
        "that moved strongly have {share} of the weight."
    ),
    "chance": Message(
        "The predictions have moved no more than by chance among so few customers (PSI {psi}, up "
        "to {until}), and features that moved strongly have {share} of the weight."
    ),
    "some": Message(
        "The predictions have moved somewhat since the training: PSI {psi} up to {until}, where "
        "{limit} would go unnoticed."
    ),
    "strong": Message(
        "The predictions have moved strongly since the training: PSI {psi} up to {until}, where "
        "{limit} would go unnoticed."
    ),
    "weight": Message(
        "Features with {share} of the weight have moved strongly since the training, most of all "
        "“{text}” (PSI {psi}, up to {until})."
    ),
    "few": Message(
        "Whether anything moved cannot be told: there are too few customers to compare."
    ),
    "unknown": Message("Drift was not examined."),
}
_UNTIL = {"test": Message("the test"), "now": Message("the newest data")}


def look(examined: Examined) -> Said:
    """How far the prediction moved, and how much weight the columns have that moved strongly."""
    stability = examined.stability
    if stability is None or stability.drift.empty:
        return Said("unknown", _TEXTS["unknown"])
    known = stability.drift[stability.drift["psi"].notna()].to_dict("records")
    score = [row for row in known if row["column"] == SCORE]
    if not score:
        return Said("unknown", _TEXTS["few"])
    share_of = dict(zip(stability.leaks["column"], stability.leaks["share"], strict=True))
    moved = [row for row in known if row["level"] == "strong" and row["column"] != SCORE]
    share = sum(share_of.get(name, 0.0) for name in {row["column"] for row in moved})
    found = {row["level"] for row in score}
    key = next((level for level in ("strong", "some") if level in found), "good")
    rows = [row for row in score if row["level"] == key] or score
    if key == "good" and share > MOVED_WEIGHT:
        key, rows = "weight", moved
        rows = [max(moved, key=lambda row: share_of.get(row["column"], 0.0) * row["psi"])]
    row = max(rows, key=lambda row: row["psi"])
    text = "chance" if key == "good" and row["psi"] >= SOME else key
    return Said(
        "good" if key == "good" else "care",
        _TEXTS[text].worded(
            lambda language: {
                "psi": format_number(row["psi"], language, decimals=2),
                "until": _UNTIL[row["against"]],
                "share": share_text(share, language),
                "text": inner(row[f"text_{stored_in(language)}"]),
                "limit": number_text(SOME, 1, language),
            },
        ),
    )


CHECK = Check(
    code="drift",
    title=Message("Drift"),
    care=f"the prediction has a PSI from {SOME:g} on, or columns with more than {MOVED_WEIGHT:.0%} "
    f"of the weight have one from {STRONG:g} on, beyond chance",
    bad="",
    why="The test tells of customers who are no longer the same.",
    source="Siddiqi (2006), Credit Risk Scorecards",
    look=look,
)
