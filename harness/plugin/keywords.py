"""Ids of trials in ``-k`` expressions, which do not allow all characters of ids."""

from _pytest.mark.expression import Expression  # the only parser of -k; pytest has no public one

# Identifiers in -k consist of letters, digits and _ : + - . [ ] \\ /; ids also have = , % ~ (harness.scenario.names).
_TRANSLATION = str.maketrans({"=": ":", ",": "/", "%": "\\", "~": "::"})


def keyword_of(name: str) -> str:
    """The keyword by which -k finds an item of this name."""
    return name.translate(_TRANSLATION)


def translate_expression(expression: str) -> str:
    """A -k expression that pytest can parse and in which ids are replaced by their keywords."""
    try:
        Expression.compile(expression)
    except SyntaxError:
        return expression.translate(_TRANSLATION)
    return expression
