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


class StudyPart(BaseModel):
    """One key of a study, or the study itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")
