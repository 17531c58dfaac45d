"""Templates: ``{name}`` in any field of a scenario is a parameter; ``{{`` and ``}}`` are literal braces."""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches

from harness.scenario.shell_quoting import ShellText
from harness.scenario.values import Scalar, value_text

LITERAL = ("base", "parameters", "sweep", "metrics")  # not templates, because regular expressions contain braces
_PART = re.compile(r"\{\{|\}\}|\$\{[A-Za-z_][A-Za-z0-9_]*\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")


class TemplateError(ValueError):
    """A template cannot be filled; the message says why, and what to write."""


def names_in(text: str) -> Iterator[str]:
    """Return the parameters that a text names."""
    return (part[1] for part in _PART.finditer(text) if part[1])


def fill(text: str, values: Mapping[str, Scalar]) -> Scalar:
    """Fill the parameters into a text; a text that is only a parameter becomes its value, with the value's type.

    Raises:
        TemplateError: the text has a parameter without a value, or the shell's ``${name}``.
    """
    match = _PART.fullmatch(text)
    if match and match[1]:
        return _value(match[1], values)
    return fill_text(text, values)


def fill_text(text: str, values: Mapping[str, Scalar]) -> str:
    """Fill the parameters into a text, as text.

    Raises:
        TemplateError: as ``fill``.
    """
    return _fill(text, values, lambda _before, value: value)


def fill_command(text: str, values: Mapping[str, Scalar]) -> str:
    """Fill the parameters into a shell command, each quoted so that it stays one argument, or a part of one.

    A text that is only a parameter becomes the parameter's text without quotes, because it is the whole command.

    Raises:
        TemplateError: as ``fill``.
    """
    match = _PART.fullmatch(text)
    if match and match[1]:
        return fill_text(text, values)
    shell = ShellText()

    def quote(before: str, value: str) -> str:
        shell.read(before)
        try:
            quoted_value = shell.quote(value)
        except ValueError as error:
            raise TemplateError(str(error)) from None
        shell.read(quoted_value)
        return quoted_value

    return _fill(text, values, quote)


def _fill(text: str, values: Mapping[str, Scalar], write: Callable[[str, str], str]) -> str:
    """Fill a text; ``write`` receives the text between two values, and the second value, and returns its text."""
    pieces: list[str] = []
    pending: list[str] = []
    end = 0
    for part in _PART.finditer(text):
        pending.append(text[end : part.start()])
        end = part.end()
        if part[1]:
            before = "".join(pending)
            pieces += [before, write(before, value_text(_value(part[1], values)))]
            pending.clear()
        elif part[0].startswith("$"):
            raise TemplateError(_variable_message(part[0], values))
        else:
            pending.append(part[0][0])
    return "".join([*pieces, *pending, text[end:]])


def _value(name: str, values: Mapping[str, Scalar]) -> Scalar:
    if name in values:
        return values[name]
    near = get_close_matches(name, values, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the parameters are: {', '.join(values)}" if values else ""
    braces = f"write {{{{{name}}}}} for literal braces"
    raise TemplateError("; ".join(filter(None, (f"there is no parameter {name!r}", hint, braces))))


def _variable_message(variable: str, values: Mapping[str, Scalar]) -> str:
    name = variable[2:-1]
    parameter = f", or {{{name}}} for the parameter" if name in values else ""
    return f"{variable} is ambiguous: write ${{{{{name}}}}} for the shell's variable{parameter}"
