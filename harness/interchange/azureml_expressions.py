"""The expressions of Azure ML's command lines: ``${{inputs.lr}}`` and, around optional ones, ``$[[ ... ]]``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.interchange.draft import literal

EXPRESSION = re.compile(r"\$\{\{\s*([A-Za-z_]+)\.([A-Za-z_]\w*)(?:\.path)?\s*\}\}")
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unknown:
    """An expression that names nothing of the job."""

    text: str


def without_optional(text: str, given: Mapping[str, str]) -> str:
    """A command line with the optional parts whose inputs are given, and without the others."""

    def kept(part: re.Match[str]) -> str:
        wanted = [found[2] for found in EXPRESSION.finditer(part[1])]
        return part[1] if all(name in given for name in wanted) else ""

    return _OPTIONAL.sub(kept, text)


def filled(text: str, names: Mapping[tuple[str, str], str]) -> tuple[str, list[Unknown]]:
    """A text of a scenario for one with expressions.

    Args:
        text: has expressions; all other braces stand for themselves.
        names: what stands for an expression, by its two words.

    Returns:
        The text, and the expressions that ``names`` has nothing for; they stay as they are.
    """
    unknown: list[Unknown] = []
    done: list[str] = []
    end = 0
    for found in EXPRESSION.finditer(text):
        done.append(literal(text[end : found.start()]))
        end = found.end()
        value = names.get((found[1], found[2]))
        if value is None:
            unknown.append(Unknown(found[0]))
            value = literal(found[0])
        done.append(value)
    return "".join([*done, literal(text[end:])]), unknown
