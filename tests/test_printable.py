"""Untrusted text is shown without control characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import JobError
from harness.printable import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb", r"a\x0db"),
        ("a\tb", "a\tb"),
        ("caf\u00e9 \U0001f600", "caf\u00e9 \U0001f600"),
        ("\u202eright to left", r"\u202eright to left"),
        (b"na\xefve".decode("utf-8", "surrogateescape"), r"na\xefve"),
        ("\ud800", r"\ud800"),
    ],
)
def test_a_control_character_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_stay_lines_whatever_ends_them() -> None:
    assert printable_lines("a\r\nb\nc\x1b") == "a\nb\nc\\x1b"


@given(st.text(st.characters()))
def test_no_text_holds_a_control_character_afterwards(text: str) -> None:
    shown = printable(text)

    assert all(character == "\t" or character.isprintable() or ord(character) > 0x9F for character in shown)
    shown.encode()  # raises where UTF-8 cannot hold it


def test_an_error_shows_the_control_characters_that_it_reports() -> None:
    assert str(JobError("the service says \x1b[2J")) == r"the service says \x1b[2J"
