"""What a check is: a limit, why it is the limit, how it looks and what it says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neigung.judgement.light import Light, Status
from neigung.language import Message

if TYPE_CHECKING:
    from neigung.evaluation.fairness.fairness import Fairness
    from neigung.evaluation.stability import Stability
    from neigung.models.leaks import Leak


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
    text: Message
    title: Message | None = None


@dataclass(frozen=True, eq=False)
class Check:
    """One thing that a report judges.

    `care` and `bad` say in words from where on it is no longer good, with the limits themselves;
    empty where it cannot be so. `why` says why the limit is where it is, `source` who says so.
    `look` judges, and knows that what was not examined is unknown.
    """

    code: str
    title: Message
    care: str
    bad: str
    why: str
    look: Callable[[Examined], Said]
    source: str = ""

    def light(self, examined: Examined) -> Light:
        """The light of this check."""
        said = self.look(examined)
        return Light(self.code, said.status, said.title or self.title, said.text)


TOO_FEW = Said(
    "unknown",
    Message("Not examined, as the test has too few outcomes."),
)
"""What those checks say that need a verdict on the test where there can be none."""
