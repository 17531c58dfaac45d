"""The base class of all parts of a scenario: immutable records that refuse unknown keys."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from harness.scenario.document import FieldPath

IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]*$"
Duration = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=7))]  # 7 days are Batch AI's limit
Identifier = Annotated[str, Field(pattern=IDENTIFIER, max_length=64)]
"""The name of a parameter, a metric, a directory or an environment variable."""

_MISTAKES = "scenario_mistakes"


class Record(BaseModel):
    """A part of a scenario, which is immutable and refuses unknown keys."""

    # Numbers are coerced, because a parameter that is a number may fill a text: args: '{epochs}'.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


def invalid_fields(*mistakes: tuple[FieldPath, str]) -> PydanticCustomError:
    """Return the error of a validator, with the path of each wrong field in the record, and the reason."""
    text = "; ".join(text for _, text in mistakes)
    return PydanticCustomError(_MISTAKES, "{text}", {"text": text, "mistakes": mistakes})


def mistakes_in(kind: str, context: dict[str, object]) -> Iterable[tuple[FieldPath, str]] | None:
    """Return the mistakes in an error of ``invalid_fields``, from its type and context; None for other errors."""
    if kind != _MISTAKES:
        return None
    mistakes: Iterable[tuple[FieldPath, str]] = context["mistakes"]  # type: ignore[assignment]  # see invalid_fields
    return mistakes
