"""Expressions in Azure ML's command lines: ``${{inputs.lr}}``, and ``$[[ ... ]]`` around optional parts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.interchange.draft import literal

EXPRESSION = re.compile(r"\$\{\{\s*([A-Za-z_]+)\.([A-Za-z_]\w*)(?:\.path)?\s*\}\}")
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class UnknownExpression:
    """An expression that refers to nothing in the job."""

    text: str


def resolve_optional_parts(text: str, inputs: Mapping[str, str]) -> str:
    """Keep the optional parts of a command line whose inputs are given, and remove the others."""

    def resolve(part: re.Match[str]) -> str:
        names = [expression[2] for expression in EXPRESSION.finditer(part[1])]
        return part[1] if all(name in inputs for name in names) else ""

    return _OPTIONAL.sub(resolve, text)


def fill_expressions(text: str, names: Mapping[tuple[str, str], str]) -> tuple[str, list[UnknownExpression]]:
    """Replace the expressions of a text by their counterparts in a scenario.

    Args:
        text: a text with expressions; all other braces are literal.
        names: the replacement of each expression, by its two words.

    Returns:
        The text, and the expressions without a replacement, which do not change.
    """
    unknown: list[UnknownExpression] = []
    pieces: list[str] = []
    end = 0
    for expression in EXPRESSION.finditer(text):
        pieces.append(literal(text[end : expression.start()]))
        end = expression.end()
        value = names.get((expression[1], expression[2]))
        if value is None:
            unknown.append(UnknownExpression(expression[0]))
            value = literal(expression[0])
        pieces.append(value)
    return "".join([*pieces, literal(text[end:])]), unknown
