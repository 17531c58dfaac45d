"""``harness run`` of jobs that mean harm, or that went wrong in ways that nobody thinks of."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main

Write = Callable[..., Path]

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
ESCAPES = """\
printf 'score = 1 \\033]0;title\\007\\033]52;c;ZXZpbA==\\007\\033[2J\\n'
printf 'c1 \\302\\233 31m\\n'
exit 3
"""


def test_no_escape_sequence_of_a_description_or_of_a_log_reaches_the_terminal(
    scenario: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scenario(script=ESCAPES, scenario='scenario: short\ndescription: "\\e]0;PWNED\\a\\e[2J red"')
    assert main(["run", str(path), "--out", "here"]) == 1
    shown = capsys.readouterr()

    assert not CONTROL.search(shown.out + shown.err)
    assert r"\x1b]0;PWNED\x07\x1b[2J red" in shown.out
    assert r"default | score = 1 \x1b]0;title\x07\x1b]52;c;ZXZpbA==\x07\x1b[2J" in shown.out
    assert r"    c1 \x9b 31m" in shown.out, "the failure view"
