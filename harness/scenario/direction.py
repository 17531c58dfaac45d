"""The better direction of a number: minimize or maximize."""

from typing import Literal, get_args

Direction = Literal["minimize", "maximize"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


def cost(value: float, direction: Direction) -> float:
    """Return a number that is smaller for a better value."""
    return value if direction == "minimize" else -value
