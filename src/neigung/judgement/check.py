"""What a check is: a limit, why it is the limit, how it looks and what it says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neigung.judgement.light import Light, Status
from neigung.language import Language

if TYPE_CHECKING:
    from neigung.evaluation.fairness.fairness import Fairness
    from neigung.evaluation.stability import Stability
    from neigung.models.leaks import Leak

LANGUAGES: tuple[Language, ...] = ("en", "de")

Texts = tuple[str, str]
"""English and German."""


@dataclass(frozen=True, eq=False)
class Examined:
    """What there is to judge by: the evaluation, and what else was examined; None where not.

    `leaks` are columns proven to hold the future; those of `known_in_advance` are no leaks, as the
    study says.
    """

    evaluation: Any
    stability: Stability | None = None
    fairness: Fairness | None = None
    leaks: Sequence[Leak] = ()
    known_in_advance: Collection[str] = ()


@dataclass(frozen=True)
class Said:
    """What a check says: how it stands, one sentence, and a title if not the check's own."""

    status: Status
    texts: Texts
    title: Texts | None = None


@dataclass(frozen=True, eq=False)
class Check:
    """One thing that a report judges.

    `care` and `bad` say in words from where on it is no longer good, with the limits themselves;
    empty where it cannot be so. `why` says why the limit is where it is, `source` who says so.
    `look` judges, and knows that what was not examined is unknown.
    """

    code: str
    title: Texts
    care: str
    bad: str
    why: str
    look: Callable[[Examined], Said]
    source: str = ""

    def light(self, examined: Examined) -> Light:
        """The light of this check."""
        said = self.look(examined)
        return Light(self.code, said.status, *(said.title or self.title), *said.texts)


TOO_FEW = Said(
    "unknown",
    (
        "Not examined, as the test has too few outcomes.",
        "Nicht geprüft, weil der Test zu wenige Ergebnisse hat.",
    ),
)
"""What those checks say that need a verdict on the test where there can be none."""


def told(texts: Texts, values: Callable[[Language], Mapping[str, Any]]) -> Texts:
    """A sentence in both languages with what `values` gives for each of them.

    >>> told(("{n} rows", "{n} Zeilen"), lambda language: {"n": 3})
    ('3 rows', '3 Zeilen')
    """
    en, de = (
        text.format(**values(language)) for text, language in zip(texts, LANGUAGES, strict=True)
    )
    return en, de
