"""What all parts of a scenario are: immutable records that refuse what they do not know."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from harness.scenario.document import FieldPath

IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]*$"
Duration = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=7))]  # 7 days are Batch AI's own limit
Identifier = Annotated[str, Field(pattern=IDENTIFIER, max_length=64)]
"""The name of a parameter, a metric, a directory or an environment variable."""

_MISTAKES = "scenario_mistakes"


class Record(BaseModel):
    """A part of a scenario: immutable, and it refuses keys that it does not know."""

    # A parameter that is a number may fill a text: args: '{epochs}'.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


def refused(*mistakes: tuple[FieldPath, str]) -> PydanticCustomError:
    """The error of a validator that knows which fields of the record are wrong, and why."""
    text = "; ".join(text for _, text in mistakes)
    return PydanticCustomError(_MISTAKES, "{text}", {"text": text, "mistakes": mistakes})


def mistakes_in(kind: str, context: dict[str, object]) -> Iterable[tuple[FieldPath, str]] | None:
    """The mistakes that ``refused`` got, from the type and context of pydantic's error; None for another error."""
    if kind != _MISTAKES:
        return None
    found: Iterable[tuple[FieldPath, str]] = context["mistakes"]  # type: ignore[assignment]  # see refused
    return found
