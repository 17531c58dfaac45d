"""Ids of trials in ``-k`` expressions, whose words may not hold all characters that ids do."""

from _pytest.mark.expression import Expression  # the only parser of -k; pytest has no public one

# Words of -k consist of letters, digits and _ : + - . [ ] \\ /; ids also have = , % ~ (harness.scenario.names).
_REPLACED = str.maketrans({"=": ":", ",": "/", "%": "\\", "~": "::"})


def keyword_of(name: str) -> str:
    """The keyword under which an item is found by its name."""
    return name.translate(_REPLACED)


def searchable(expression: str) -> str:
    """A -k expression that pytest can read and that finds the keywords of the ids in it."""
    try:
        Expression.compile(expression)
    except SyntaxError:
        return expression.translate(_REPLACED)
    return expression
