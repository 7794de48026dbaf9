"""A traffic light that also says its words, and the limits at which it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["good", "care", "bad", "unknown"]

CALIBRATION_CARE, CALIBRATION_BAD = 0.1, 0.5
"""How far the mean prediction may be off beyond chance, relative to the rarer outcome's rate."""

BINS_CARE, BINS_BAD = 0.25, 0.5
"""The same of the mean distance in tenths of the customers by score."""

MOVED_WEIGHT = 0.1
"""The share of the contributions that strongly moved columns may have."""

LEAK_BAD = 0.8
"""The share of the contributions of columns that separate the outcomes alone."""

LEAK_ATTRIBUTE = 0.05
"""The same of customers' attributes, which no rule of time has kept apart from the outcome."""

SEED_CORRELATION, SEED_SPREAD = 0.9, 0.5
"""The smallest rank correlation between seeds, and how much of the lead may be the seed's doing."""

MOST_UNKNOWN = 0.5
"""The share of the customers whose sensitive attribute may be unknown."""

KNOWN_CHANCES = 0.95
"""The share of offers that must have been drawn by lot."""

WORDS = {
    "good": ("good", "gut"),
    "care": ("with care", "mit Vorsicht"),
    "bad": ("bad", "schlecht"),
    "unknown": ("not known", "nicht bekannt"),
}

TITLES = {
    "baseline": ("Against simple models", "Gegenüber einfachen Modellen"),
    "calibration": ("Probabilities", "Wahrscheinlichkeiten"),
    "time": ("Over time", "Im Zeitverlauf"),
    "segments": ("Segments", "Segmente"),
    "effect": ("Choice of offers", "Auswahl der Angebote"),
    "arms": ("Effect of the offers", "Wirkung der Angebote"),
    "arms_observed": ("Difference between the offers", "Unterschied der Angebote"),
    "placebo": ("Placebo", "Placebo"),
    "overlap": ("Comparability", "Vergleichbarkeit"),
    "fairness": ("Fairness", "Fairness"),
    "drift": ("Drift", "Verschiebung"),
    "leak": ("Leaks", "Datenlecks"),
    "seed": ("Chance in training", "Zufall im Training"),
}


@dataclass(frozen=True)
class Light:
    """What was examined (`key`, title), how it stands, and one sentence with its number.

    >>> light = make_light("leak", "good", ("Nothing was found.", "Nichts wurde gefunden."))
    >>> light.title("de"), light.word("de"), light.text()
    ('Datenlecks', 'gut', 'Nothing was found.')
    """

    key: str
    status: Status
    title_en: str
    title_de: str
    text_en: str
    text_de: str

    def title(self, language: str = "en") -> str:
        """What was examined, in `en` or `de`."""
        return self.title_de if language == "de" else self.title_en

    def text(self, language: str = "en") -> str:
        """What was found, in one sentence."""
        return self.text_de if language == "de" else self.text_en

    def word(self, language: str = "en") -> str:
        """The colour as a word, for those who cannot see it."""
        return WORDS[self.status][language == "de"]


def make_light(key: str, status: Status, texts: tuple[str, str], title: str | None = None) -> Light:
    """A light with the title of its key, or another one of `TITLES`."""
    return Light(key, status, *TITLES[title or key], *texts)
