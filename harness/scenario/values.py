"""Values of parameters: their YAML 1.2 syntax, their equality, and their text in ids and commands."""

import re
from collections.abc import Mapping

Scalar = bool | int | float | str

# The core schema, https://yaml.org/spec/1.2.2/#103-core-schema. YAML 1.1, which PyYAML implements, differs: there
# 1e-3, yes, 012 and 12:30 are a text, a boolean, an octal number and a number of base 60.
_NULL = re.compile(r"null|Null|NULL|~|")
_BOOLEANS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NOT_A_NUMBER = re.compile(r"\.(nan|NaN|NAN)")


def read_plain(text: str) -> Scalar | None:
    """Parse a scalar that is written without quotes.

    Raises:
        ValueError: the text is an integer with more digits than Python converts (4,300).
    """
    if _NULL.fullmatch(text):
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return int(text, base=0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITY.fullmatch(text):
        return float(text.replace(".", "", 1))
    return float("nan") if _NOT_A_NUMBER.fullmatch(text) else text


def value_text(value: Scalar) -> str:
    """Return the text of a value in trial ids, commands and other fields: ``true``, ``0.001``, ``1e-05``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def comparison_key(value: Scalar) -> object:
    """Return a key that equal values share: 1 and 1.0 are equal, ``1`` and ``'1'`` are not."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else (type(value), value)
