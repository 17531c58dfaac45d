"""The option ``--set NAME=VALUE``."""

from collections.abc import Iterable

from harness.errors import UserError


def parse_values(assignments: Iterable[str]) -> dict[str, str]:
    """Parse assignments; returns the text of each value by parameter. The last assignment of a name wins.

    Raises:
        UserError: a text is not an assignment.
    """
    values: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not name.strip() or not equals:
            raise UserError(f"--set {assignment}: write NAME=VALUE, for example --set epochs=5")
        values[name.strip()] = value
    return values
