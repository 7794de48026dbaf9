"""What all parts of a study are: frozen, and without unknown keys."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def one_or_many(value: Any) -> Any:
    """A text alone as a list of one."""
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(one_or_many), Field(min_length=1)]
Days = Annotated[int, Field(ge=1, le=36500)]
Rate = Annotated[float, Field(ge=0, le=1)]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Words = Annotated[str, Field(min_length=1, max_length=2000)]


LATER = "later"
"""Marks a key that version 0.1 did not have, as in `Annotated[bool, LATER]`."""


class StudyPart(BaseModel):
    """One key of a study, or the study itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def stored(self) -> dict[str, Any]:
        """What is kept under a digest: all that is said, ready for JSON.

        A `LATER` key is left out where it has its default, so that a study which does not say it is
        the same study to every release, and gives the same artefact.

        >>> class Cutoffs(StudyPart):
        ...     count: int = 12
        ...     trust_dates: Annotated[bool, LATER] = False
        >>> Cutoffs().stored(), Cutoffs(trust_dates=True).stored()
        ({'count': 12}, {'count': 12, 'trust_dates': True})
        """
        content = self.model_dump(mode="json")
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            default = field.get_default(call_default_factory=True)
            if LATER in field.metadata and value == default:
                del content[name]
            elif isinstance(value, StudyPart):
                content[name] = value.stored()
        return content
