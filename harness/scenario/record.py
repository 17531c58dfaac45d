"""What all parts of a scenario are: immutable records that refuse what they do not know."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A part of a scenario: immutable, and it refuses keys that it does not know."""

    # A parameter that is a number may fill a text: args: '{epochs}'.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)
