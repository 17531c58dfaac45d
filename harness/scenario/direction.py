"""What is better of a number: less of it, or more."""

from typing import Literal, get_args

Direction = Literal["minimize", "maximize"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


def cost(value: float, direction: Direction) -> float:
    """A number that is the smaller, the better the value is."""
    return value if direction == "minimize" else -value
