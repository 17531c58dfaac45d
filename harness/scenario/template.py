"""``{name}`` in any field of a scenario, with ``{{`` and ``}}`` for the braces themselves."""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches

from harness.scenario.shell_quoting import ShellText
from harness.scenario.values import Scalar, value_text

LITERAL = ("base", "parameters", "sweep", "metrics")  # sections without parameters: a regular expression has braces
_PART = re.compile(r"\{\{|\}\}|\$\{[A-Za-z_][A-Za-z0-9_]*\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")


class TemplateError(ValueError):
    """A text that cannot be filled; the message says why, and what to write."""


def names_in(text: str) -> Iterator[str]:
    """The parameters that a text names."""
    return (part[1] for part in _PART.finditer(text) if part[1])


def fill(text: str, values: Mapping[str, Scalar]) -> Scalar:
    """The text with parameters put in; a text that is one parameter only becomes its value, type kept.

    Raises:
        TemplateError: the text names a parameter that ``values`` does not have, or the shell's ``${name}``.
    """
    whole = _PART.fullmatch(text)
    if whole and whole[1]:
        return _value(whole[1], values)
    return fill_text(text, values)


def fill_text(text: str, values: Mapping[str, Scalar]) -> str:
    """The text with the texts of parameters put in.

    Raises:
        TemplateError: as ``fill``.
    """
    return _filled(text, values, lambda _before, value: value)


def fill_command(text: str, values: Mapping[str, Scalar]) -> str:
    """A shell's text with parameters put in, each quoted so that it stays one argument, or a part of one.

    A text that is one parameter only becomes that parameter's text, not quoted: it is the whole command.

    Raises:
        TemplateError: as ``fill``.
    """
    whole = _PART.fullmatch(text)
    if whole and whole[1]:
        return fill_text(text, values)
    shell = ShellText()

    def quoted(before: str, value: str) -> str:
        shell.read(before)
        try:
            written = shell.quoted(value)
        except ValueError as error:
            raise TemplateError(str(error)) from None
        shell.read(written)
        return written

    return _filled(text, values, quoted)


def _filled(text: str, values: Mapping[str, Scalar], write: Callable[[str, str], str]) -> str:
    """Fill a text; ``write`` gets the text between the last value and the next, and the next value."""
    done: list[str] = []
    pending: list[str] = []
    end = 0
    for part in _PART.finditer(text):
        pending.append(text[end : part.start()])
        end = part.end()
        if part[1]:
            before = "".join(pending)
            done += [before, write(before, value_text(_value(part[1], values)))]
            pending.clear()
        elif part[0].startswith("$"):
            raise TemplateError(_refused_variable(part[0], values))
        else:
            pending.append(part[0][0])
    return "".join([*done, *pending, text[end:]])


def _value(name: str, values: Mapping[str, Scalar]) -> Scalar:
    if name in values:
        return values[name]
    near = get_close_matches(name, values, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the parameters are: {', '.join(values)}" if values else ""
    braces = f"write {{{{{name}}}}} where the braces themselves are meant"
    raise TemplateError("; ".join(filter(None, (f"there is no parameter {name!r}", hint, braces))))


def _refused_variable(variable: str, values: Mapping[str, Scalar]) -> str:
    name = variable[2:-1]
    parameter = f", or {{{name}}} for the parameter" if name in values else ""
    return f"{variable} is ambiguous: write ${{{{{name}}}}} for the shell's variable{parameter}"
