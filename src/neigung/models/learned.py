"""What the artefacts of all kinds have in common: their identity, and what they know of values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neigung.models import sealed
from neigung.models.unseen import Unseen, more_unknown_than, require_known

if TYPE_CHECKING:
    from neigung.models.encoding import FrameEncoder
    from neigung.models.rows import Features


class Learned:
    """An artefact; a subclass has `meta`, its `files` and its `encoder`."""

    meta: Mapping[str, Any]

    @property
    def encoder(self) -> FrameEncoder:
        """Which values the model knows."""
        raise NotImplementedError

    @property
    def files(self) -> dict[str, bytes]:
        """All of it as the files that `save` writes, by name: to be sent, see `load_artefact`."""
        raise NotImplementedError

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the bytes of all files: the identity of the artefact."""
        return sealed.digest(self.files)

    def save(self, path: str | Path) -> None:
        """Write the folder, whole or not at all; an older artefact there is replaced.

        Raises:
            InputError: The path is taken by something other than an artefact.
        """
        sealed.write(self.files, path)

    def unseen(self, X: Features) -> dict[str, int]:
        """Per column, how many categories were not known at training and count as missing."""
        return dict(self.encoder.unseen(X))

    def unknown(self, X: Features) -> dict[str, Unseen]:
        """The same of every column of categories, with examples."""
        return self.encoder.unknown(X)

    def unknown_of_each(self, X: Features) -> list[list[str]]:
        """Of each row the columns whose category is unknown."""
        return self.encoder.unknown_of_each(X)

    def require_known(self, unknown: Mapping[str, Unseen]) -> None:
        """Raise InputError where all values of a column of categories are unknown."""
        require_known(unknown, self.encoder.categories)

    def many_unknown(self, unknown: Mapping[str, Unseen]) -> list[Unseen]:
        """The columns of which much is unknown, and more than was in the test."""
        return more_unknown_than(self.meta.get("unseen", {}), unknown)

    @property
    def usual(self) -> Mapping[str, float | str | None]:
        """What is usual of each column, see `usual_values`; empty where it was not kept."""
        return dict(self.meta.get("usual", {}))
