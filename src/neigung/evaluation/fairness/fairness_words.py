"""The words of `fairness_texts`, in English and German."""

from __future__ import annotations

from typing import Any

from neigung.language import Message

_TEXTS = {
    "none": Message(
        "No sensitive attribute is present, such as age, sex or region; no groups were compared. "
        "If the store has one under another name, name it in the study under 'sensitive'."
    ),
    "no_concern": Message(
        "No difference between groups is both beyond chance and beyond the limits."
    ),
    "one_concern": Message("There is one concern about fairness."),
    "concerns": Message("There are {count} concerns about fairness."),
    "unjudged": Message(
        "No group could be compared: that takes several customers, and enough rows in a group and "
        "in the others."
    ),
    "group": Message("{attribute}, group {level}: "),
    "error": Message(
        "predicted {score}, observed {observed}; all others: predicted {others_score}, observed "
        "{others_observed}. For this group the numbers are too {direction}."
    ),
    "high": Message("high"),
    "low": Message("low"),
    "selected": Message(
        "{value} are in the top band, of all others {others}, difference {difference}."
    ),
    "selected_offer": Message(
        "{value} are recommended an offer, of all others {others}, difference {difference}."
    ),
    "unexplained": Message(
        " The outcome does not explain it ({observed} against {others_observed})."
    ),
    "explained": Message(
        " The outcome differs in the same direction ({observed} against {others_observed}), and "
        "the scores of the group hold: no concern by itself, if the outcome was not already "
        "unfair."
    ),
    "found": Message(
        "of those with the outcome, {value} are in the top band, of all others with the outcome "
        "{others}, difference {difference}."
    ),
    "rarer": Message(
        " In part because the outcome is rarer in this group ({observed} against "
        "{others_observed})."
    ),
    "commoner": Message(
        " In part because the outcome is more frequent in this group ({observed} against "
        "{others_observed})."
    ),
    "auroc": Message(
        "within the group the model ranks worse, AUROC {value} against {others}, difference "
        "{difference}."
    ),
    "further": Message(" Likewise: {levels}."),
    "opposite": Message(" The other way round: {levels}."),
    "more": Message("{count} more"),
    "used": Message("The model reads {text} directly: {share} of what moves its predictions."),
    "unused": Message("The model reads none of the sensitive attributes."),
    "little_used": Message(
        "Sensitive attributes that the model reads, with their share of what moves its "
        "predictions: {list}."
    ),
    "difference": Message("one difference"),
    "differences": Message("{count} differences"),
    "compared": Message(
        "{groups} groups were compared, {differences}. Of so many, some look large by "
        "chance: only what remains after Holm's correction counts. The smallest group has {rows} "
        "rows; the smaller a group, the larger a difference must be to be seen."
    ),
    "compared_one": Message("One group ({rows} rows) was compared with all others, {differences}."),
    "missing": Message(
        "Rows of which the attribute is not known are shown, but not compared: {list}."
    ),
    "small": Message(
        "Not judged for lack of rows ({rows} are needed in a group and in the others): {list}."
    ),
    "recovered": Message(
        "Without its column, {text} can still be told by the other columns: AUROC {auroc}; the "
        "best stand-in is {stand_in}."
    ),
    "partly": Message(
        "Without its column, {text} can in part be told by the other columns: AUROC {auroc}; the "
        "best stand-in is {stand_in}."
    ),
    "hidden": Message(
        "Without its column, {text} can hardly be told by the other columns: AUROC {auroc}."
    ),
    "dropped": Message(
        "{metric} without the sensitive columns {without}, with them {with_}: {verdict}, "
        "difference {difference}."
    ),
    "better_with": Message("they help"),
    "better_without": Message("they harm"),
    "open": Message("no clear gain"),
    "trade_off": Message(
        "Where the outcome is not equally frequent in all groups, no model can be right for "
        "each, choose equal shares of each and find equal shares of each, all at once; which "
        "matters is for people to decide (Kleinberg et al. 2016, Chouldechova 2017)."
    ),
}


def words(key: str, language: str, **facts: Any) -> str:
    """A text with its facts.

    >>> words("more", "de", count=2)
    '2 weitere'
    """
    return _TEXTS[key].to(language, **facts)
