import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compute.container.plain_commands import split_command

ENVIRONMENT = {"NAME": "two words", "EMPTY": "", "PATH": "/bin"}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train --epochs 5", ["train", "--epochs", "5"]),
        ('cat "$NAME/file" ${NAME} $EMPTY $MISSING', ["cat", "two words/file", "two words", "", ""]),
        ("echo 'one word' two\\ words", ["echo", "one word", "two words"]),
        ("train --set=a=b", ["train", "--set=a=b"]),
    ],
)
def test_plain_words_need_no_shell(command: str, words: list[str]) -> None:
    assert split_command(command, ENVIRONMENT) == words


@pytest.mark.parametrize(
    "command",
    ["", "a; b", "a | b", "a && b", "a > b", "(a)", "a &", "a $(b)", "a `b`", "A=1 b", "ls *", "ls a?", "~/a", "a '$X'",
     "a 'b", "a\nb", "{ a; }", "a # b", "[ a ]"],
)  # fmt: skip
def test_what_only_a_shell_understands_is_refused(command: str) -> None:
    assert split_command(command, ENVIRONMENT) is None


@given(st.lists(st.text("abc123-=./_:%,@+ ", min_size=1, max_size=8), min_size=1, max_size=5))
def test_words_are_those_of_a_shell(arguments: list[str]) -> None:
    command = " ".join(["printf", *(f'"{argument}"' for argument in arguments)])

    assert split_command(command, {}) == ["printf", *arguments]
    shell = subprocess.run(["/bin/sh", "-c", f"for w in {command}; do printf '%s\\n' \"$w\"; done"],
                           capture_output=True, text=True, check=True)  # fmt: skip
    assert shell.stdout.splitlines() == ["printf", *arguments]
