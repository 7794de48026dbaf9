"""Categories that a model does not know: when they are told, and when nothing may be predicted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from neigung.errors import InputError

MANY = 0.2
"""From this share of a column's values on, unknown ones are warned of."""

FEWEST_JUDGED = 2
"""One customer's new category is news; when all of several are unknown, the values are others."""


@dataclass(frozen=True)
class Unseen:
    """What of a column the model does not know.

    Args:
        column: Its name.
        count: How many values are unknown; each counts as missing.
        of: How many values there are, the missing ones left out.
        example: One of the unknown ones.

    >>> Unseen("channel", 3, 3, "kiosk").all, Unseen("channel", 1, 3, "kiosk").many
    (True, True)
    """

    column: str
    count: int
    of: int
    example: str

    @property
    def share(self) -> float:
        """How large a part of the values is unknown."""
        return self.count / self.of if self.of else 0.0

    @property
    def all(self) -> bool:
        """Whether nothing of the column is known, of more than one customer."""
        return self.count == self.of >= FEWEST_JUDGED

    @property
    def many(self) -> bool:
        """Whether so much is unknown that predictions suffer."""
        return self.share > MANY

    @property
    def text(self) -> str:
        """Count and example, in words."""
        values = f"{self.count:,} of {self.of:,} values of {self.column}"
        return f"{values} are unknown to the model, such as {self.example}"


def together(parts: Iterable[Mapping[str, Unseen]]) -> dict[str, Unseen]:
    """What is unknown in several parts of the rows together.

    >>> together([{"c": Unseen("c", 1, 1, "x")}, {"c": Unseen("c", 0, 4, "")}])["c"]
    Unseen(column='c', count=1, of=5, example='x')
    """
    found: dict[str, Unseen] = {}
    for part in parts:
        for name, one in part.items():
            before = found.get(name, Unseen(name, 0, 0, ""))
            examples = sorted(filter(None, (before.example, one.example)))
            found[name] = Unseen(
                name, before.count + one.count, before.of + one.of, examples[0] if examples else ""
            )
    return found


def require_known(unseen: Mapping[str, Unseen], vocabulary: Mapping[str, Sequence[str]]) -> None:
    """Raise InputError where all values of a column are unknown: they are written otherwise."""
    # Where the training had no value at all, nothing was learned that could be lost.
    lost = [one for one in unseen.values() if one.all and vocabulary[one.column]]
    if lost:
        known = sorted(vocabulary[lost[0].column])
        more = f" ({len(lost)} columns are like that)" if len(lost) > 1 else ""
        raise InputError(
            f"At least one known value is needed in each column of categories, but all "
            f"{lost[0].of:,} values of {lost[0].column} are unknown to the model, such as "
            f"'{lost[0].example}'{more}. It was trained on {', '.join(known[:5]) or 'none'}"
            f"{', …' if len(known) > 5 else ''}. Write them as they were at the training, or train "
            "again."
        )


def unseen_shares(unknown: Mapping[str, Unseen]) -> dict[str, dict[str, float]]:
    """What an artefact keeps of its test: `unseen` by column, nothing where all is known."""
    shares = {one.column: one.share for one in unknown.values() if one.count}
    return {"unseen": shares} if shares else {}


def more_unknown_than(usual: Mapping[str, float], unknown: Mapping[str, Unseen]) -> list[Unseen]:
    """The columns of which much is unknown, and a larger share than `usual`, that of the test."""
    return [one for one in unknown.values() if one.many and one.share > usual.get(one.column, 0)]
