"""Strategies for names, numbers and texts, from which the other strategies are built."""

import string
from typing import Any

from hypothesis import strategies as st

from harness.scenario.values import Scalar, comparison_key, value_text

LOCATIONS = ("eastus", "westeurope", "northcentralus")
VM_SIZES = ("STANDARD_NC6", "STANDARD_NC24", "Standard_D2_v2", "standard_nc6s_v3")
IMAGES = ("ubuntu:22.04", "microsoft/cntk:2.5.1-gpu-python2.7-cuda9.0-cudnn7.0", "my.azurecr.io/train/it:1.10")

_LETTERS = string.ascii_letters + string.digits
_SHELL_WORD = string.ascii_letters + string.digits + "_./=:,@%+-"


def names(longest: int = 20) -> st.SearchStrategy[str]:
    """Generate names of scenarios, clusters and jobs: letters, digits, ``-`` and ``_``."""
    rest = st.text(_LETTERS + "-_", max_size=longest - 1)
    return st.builds(str.__add__, st.sampled_from(_LETTERS), rest)


def identifiers() -> st.SearchStrategy[str]:
    """Generate names of parameters, metrics, variables and directories that Batch AI does not use itself."""
    rest = st.text(_LETTERS + "_", max_size=10)
    return st.builds(lambda first, more: f"{first}{more}", st.sampled_from(string.ascii_letters), rest)


def storage_names() -> st.SearchStrategy[str]:
    """Generate names of shares and containers: 3 to 63 lower-case letters, digits and single hyphens."""
    part = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
    return st.lists(part, min_size=1, max_size=4).map("-".join).filter(lambda name: len(name) >= 3)


def shell_words() -> st.SearchStrategy[str]:
    """Generate words of a command line that a shell does not change."""
    return st.text(_SHELL_WORD, min_size=1, max_size=12).filter(lambda word: not word.startswith("-"))


def texts(longest: int = 30) -> st.SearchStrategy[str]:
    """Generate texts such as users write: printable, of any alphabet, on one line."""
    letters = st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"])
    return st.text(letters, max_size=longest)


def values() -> st.SearchStrategy[Scalar]:
    """Generate values of parameters: numbers, texts and booleans."""
    numbers = st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6, allow_nan=False).map(
        lambda value: float(f"{value:g}")
    )
    return numbers | st.booleans() | texts(10).filter(bool)


def different_values(least: int = 1, most: int = 3) -> st.SearchStrategy[list[Scalar]]:
    """Generate values that make different trials; 1, 1.0 and '1' would make the same."""
    return st.lists(values(), min_size=least, max_size=most, unique_by=(value_text, comparison_key))


def literal(text: str) -> str:
    """Escape the braces of a text, which a scenario would take for parameters."""
    return text.replace("{", "{{").replace("}", "}}")


def pruned(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without absent and empty fields."""
    return {name: value for name, value in document.items() if value not in (None, {}, [], "")}
