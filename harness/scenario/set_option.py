"""The words of ``--set NAME=VALUE``."""

from collections.abc import Iterable

from harness.errors import UserError


def parse_values(words: Iterable[str]) -> dict[str, str]:
    """Parameter name -> value as typed; the last one of a name wins.

    Raises:
        UserError: a word is no assignment.
    """
    values: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name.strip() or not equals:
            raise UserError(f"--set {word}: write NAME=VALUE, for example --set epochs=5")
        values[name.strip()] = value
    return values
