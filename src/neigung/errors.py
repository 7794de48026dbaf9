"""The errors that users see: what was needed, what was found, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class NeigungError(Exception):
    """Work that failed; the command line ends with `exit_code`.

    >>> NeigungError("no").exit_code
    1
    """

    exit_code = 1

    @property
    def message(self) -> str:
        """What it says; a `language.Message` where that can be told in other languages."""
        return self.args[0] if self.args else ""


class InputError(NeigungError, ValueError):
    """Input that is wrong and that the user can mend; exit code 2.

    >>> InputError("no").exit_code
    2
    """

    exit_code = 2


class StudyError(InputError):
    """A study that cannot be read or does not fit its data."""


class ProfileError(InputError):
    """A profile store that is missing, unreadable or breaks the contract."""


class FeatureError(InputError):
    """A feature that is unknown, undocumented or cannot be computed."""


class TrackingError(InputError):
    """A run, version or store that MLflow does not have."""


class LeakageError(NeigungError):
    """A table in which the future reached the past; nothing is trained on it."""


class GateError(NeigungError):
    """A version that does not earn the alias champion."""


class ServiceError(NeigungError):
    """What the prediction service answered instead of predictions.

    `status` is the HTTP status, None when there was no answer; `problem` are the problem details
    of RFC 9457.
    """

    def __init__(
        self, message: str, *, status: int | None = None, problem: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problem = dict(problem or {})
