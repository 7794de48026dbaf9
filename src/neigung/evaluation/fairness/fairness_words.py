"""The words of `fairness_texts`, in English and German."""

from __future__ import annotations

from typing import Any

_TEXTS = {
    "none": (
        "No sensitive attribute is present, such as age, sex or region; no groups were compared. "
        "If the store has one under another name, name it in the study under 'sensitive'.",
        "Es ist keine sensible Angabe vorhanden, etwa Alter, Geschlecht oder Region; es wurden "
        "keine Gruppen verglichen. Trägt eine einen anderen Namen, gehört sie in der Studie unter "
        "'sensitive'.",
    ),
    "no_concern": (
        "No difference between groups is both beyond chance and beyond the limits.",
        "Kein Unterschied zwischen Gruppen geht über den Zufall und zugleich über die Grenzen "
        "hinaus.",
    ),
    "one_concern": (
        "There is one concern about fairness.",
        "Es gibt ein Bedenken zur Fairness.",
    ),
    "concerns": (
        "There are {count} concerns about fairness.",
        "Es gibt {count} Bedenken zur Fairness.",
    ),
    "unjudged": (
        "No group could be compared: that takes several customers, and enough rows in a group and "
        "in the others.",
        "Keine Gruppe ließ sich vergleichen: dazu braucht es mehrere Kunden, und genug Zeilen in "
        "einer Gruppe und in den anderen.",
    ),
    "group": ("{attribute}, group {level}: ", "{attribute}, Gruppe {level}: "),
    "error": (
        "predicted {score}, observed {observed}; all others: predicted {others_score}, observed "
        "{others_observed}. For this group the numbers are too {direction}.",
        "vorhergesagt {score}, eingetreten {observed}; alle anderen: vorhergesagt {others_score}, "
        "eingetreten {others_observed}. Für diese Gruppe sind die Zahlen zu {direction}.",
    ),
    "high": ("high", "hoch"),
    "low": ("low", "niedrig"),
    "selected": (
        "{value} are in the top band, of all others {others}, difference {difference}.",
        "{value} sind im obersten Band, von allen anderen {others}, Unterschied {difference}.",
    ),
    "selected_offer": (
        "{value} are recommended an offer, of all others {others}, difference {difference}.",
        "{value} wird ein Angebot empfohlen, von allen anderen {others}, Unterschied {difference}.",
    ),
    "unexplained": (
        " The outcome does not explain it ({observed} against {others_observed}).",
        " Das Ergebnis selbst erklärt das nicht ({observed} gegen {others_observed}).",
    ),
    "explained": (
        " The outcome differs in the same direction ({observed} against {others_observed}), and "
        "the scores of the group hold: no concern by itself, if the outcome was not already "
        "unfair.",
        " Das Ergebnis selbst unterscheidet sich ebenso ({observed} gegen {others_observed}), und "
        "die Zahlen der Gruppe stimmen: für sich kein Bedenken, sofern nicht schon das Ergebnis "
        "unfair zustande kam.",
    ),
    "found": (
        "of those with the outcome, {value} are in the top band, of all others with the outcome "
        "{others}, difference {difference}.",
        "von denen, bei denen das Ergebnis eintrat, sind {value} im obersten Band, bei allen "
        "anderen {others}, Unterschied {difference}.",
    ),
    "rarer": (
        " In part because the outcome is rarer in this group ({observed} against "
        "{others_observed}).",
        " Zum Teil, weil das Ergebnis in dieser Gruppe seltener ist ({observed} gegen "
        "{others_observed}).",
    ),
    "commoner": (
        " In part because the outcome is more frequent in this group ({observed} against "
        "{others_observed}).",
        " Zum Teil, weil das Ergebnis in dieser Gruppe häufiger ist ({observed} gegen "
        "{others_observed}).",
    ),
    "auroc": (
        "within the group the model ranks worse, AUROC {value} against {others}, difference "
        "{difference}.",
        "innerhalb der Gruppe ordnet das Modell schlechter, AUROC {value} gegen {others}, "
        "Unterschied {difference}.",
    ),
    "further": (" Likewise: {levels}.", " Ebenso: {levels}."),
    "opposite": (" The other way round: {levels}.", " Umgekehrt: {levels}."),
    "more": ("{count} more", "{count} weitere"),
    "used": (
        "The model reads {text} directly: {share} of what moves its predictions.",
        "Das Modell liest {text} unmittelbar: {share} dessen, was seine Vorhersagen bewegt.",
    ),
    "unused": (
        "The model reads none of the sensitive attributes.",
        "Das Modell liest keine der sensiblen Angaben.",
    ),
    "little_used": (
        "Sensitive attributes that the model reads, with their share of what moves its "
        "predictions: {list}.",
        "Sensible Angaben, die das Modell liest, mit ihrem Anteil an dem, was seine Vorhersagen "
        "bewegt: {list}.",
    ),
    "difference": ("one difference", "ein Unterschied"),
    "differences": ("{count} differences", "{count} Unterschiede"),
    "compared": (
        "{groups} groups were compared, {differences}. Of so many, some look large by "
        "chance: only what remains after Holm's correction counts. The smallest group has {rows} "
        "rows; the smaller a group, the larger a difference must be to be seen.",
        "{groups} Gruppen wurden verglichen, {differences}. Bei so vielen wirken einige "
        "zufällig groß: es zählt nur, was nach Holms Korrektur bleibt. Die kleinste Gruppe hat "
        "{rows} Zeilen; je kleiner eine Gruppe, desto größer muss ein Unterschied sein, um "
        "aufzufallen.",
    ),
    "compared_one": (
        "One group ({rows} rows) was compared with all others, {differences}.",
        "Eine Gruppe ({rows} Zeilen) wurde mit allen anderen verglichen, {differences}.",
    ),
    "missing": (
        "Rows of which the attribute is not known are shown, but not compared: {list}.",
        "Zeilen, bei denen die Angabe nicht bekannt ist, sind gezeigt, aber nicht verglichen: "
        "{list}.",
    ),
    "small": (
        "Not judged for lack of rows ({rows} are needed in a group and in the others): {list}.",
        "Nicht beurteilt, weil Zeilen fehlen (nötig sind {rows} in der Gruppe und in den anderen): "
        "{list}.",
    ),
    "recovered": (
        "Without its column, {text} can still be told by the other columns: AUROC {auroc}; the "
        "best stand-in is {stand_in}.",
        "Auch ohne eigene Spalte ist {text} an den anderen Spalten zu erkennen: AUROC {auroc}; am "
        "besten an {stand_in}.",
    ),
    "partly": (
        "Without its column, {text} can in part be told by the other columns: AUROC {auroc}; the "
        "best stand-in is {stand_in}.",
        "Auch ohne eigene Spalte ist {text} an den anderen Spalten zum Teil zu erkennen: AUROC "
        "{auroc}; am besten an {stand_in}.",
    ),
    "hidden": (
        "Without its column, {text} can hardly be told by the other columns: AUROC {auroc}.",
        "Ohne eigene Spalte ist {text} an den anderen Spalten kaum zu erkennen: AUROC {auroc}.",
    ),
    "dropped": (
        "{metric} without the sensitive columns {without}, with them {with_}: {verdict}, "
        "difference {difference}.",
        "{metric} ohne die sensiblen Spalten {without}, mit ihnen {with_}: {verdict}, Unterschied "
        "{difference}.",
    ),
    "better_with": ("they help", "sie helfen"),
    "better_without": ("they harm", "sie schaden"),
    "open": ("no clear gain", "kein klarer Gewinn"),
    "trade_off": (
        "Where the outcome is not equally frequent in all groups, no model can be right for "
        "each, choose equal shares of each and find equal shares of each, all at once; which "
        "matters is for people to decide (Kleinberg et al. 2016, Chouldechova 2017).",
        "Wo das Ergebnis nicht in allen Gruppen gleich häufig ist, kann kein Modell zugleich für "
        "jede stimmen, aus jeder gleich viele auswählen und in jeder gleich viele finden; was "
        "zählt, müssen Menschen entscheiden (Kleinberg u. a. 2016, Chouldechova 2017).",
    ),
}


def words(key: str, language: str, **facts: Any) -> str:
    """A text with its facts.

    >>> words("more", "de", count=2)
    '2 weitere'
    """
    return _TEXTS[key][language == "de"].format(**facts)
