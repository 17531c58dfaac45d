"""``{name}`` in texts and in shell commands."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scenario.template import TemplateError, fill, fill_command, fill_text, names_in

SHELLS = [shell for shell in ("sh", "bash") if shutil.which(shell)]
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
# Each command prints only the value, in other quotes.
COMMANDS = (
    "printf %s {value}",
    "printf %s '{value}'",
    'printf %s "{value}"',
    "printf %s ''{value}''",
    'printf %s "$(printf %s {value}; printf .)"',
    'printf %s "$(printf %s "{value}"; printf .)"',
    "(printf %s {value})",
    "true # it's a comment: {value}\nprintf %s {value}",
    "printf '' \\' \\\" {value}; printf %s {value}",
)


@given(st.text())
def test_doubled_braces_are_literal(text: str) -> None:
    assert fill(text.replace("{", "{{").replace("}", "}}"), {}) == text


def test_a_text_that_is_one_parameter_has_its_type() -> None:
    assert fill("{rate}", {"rate": 0.1}) == 0.1
    assert fill_text("{flag}", {"flag": True}) == "true"


def test_the_names_in_a_text_are_those_of_parameters() -> None:
    assert list(names_in("{a} {{b}} ${c} {d}{a} { e } {1}")) == ["a", "d", "a"]


@pytest.mark.parametrize("shell", SHELLS)
@given(st.lists(WORDS, min_size=len(COMMANDS), max_size=len(COMMANDS)))
def test_a_value_in_a_command_is_a_part_of_one_argument(shell: str, values: list[str]) -> None:
    # One shell runs all commands; each writes to its own part of the output.
    filled = [fill_command(command, {"value": value}) for command, value in zip(COMMANDS, values, strict=True)]
    script = "\n".join(f"{command}\nprintf '\\000'" for command in filled)
    arguments = subprocess.run([shell, "-c", script], capture_output=True, check=True).stdout.split(b"\0")
    dotted = [f"{value}." if "printf ." in command else value for command, value in zip(COMMANDS, values, strict=True)]
    assert [part.decode() for part in arguments[:-1]] == dotted


def test_an_empty_value_is_an_argument_too() -> None:
    assert fill_command("train {name}", {"name": ""}) == "train ''"


def test_a_command_that_is_one_parameter_is_that_command() -> None:
    assert fill_command("{command}", {"command": "echo a b"}) == "echo a b"


def test_a_value_that_needs_no_quotes_gets_none() -> None:
    assert fill_command("a `expr {n}` \\{n} {n}", {"n": 0.5}) == "a `expr 0.5` \\0.5 0.5"


@pytest.mark.parametrize("command", ["echo `ls {word}`", "echo \\{word}"])
def test_where_no_quotes_work_a_value_is_refused(command: str) -> None:
    with pytest.raises(TemplateError, match="cannot be quoted"):
        fill_command(command, {"word": "a b"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${HOME}", "${HOME} is ambiguous: write ${{HOME}} for the shell's variable"),
        ("${rate}", "write ${{rate}} for the shell's variable, or {rate} for the parameter"),
        ("{rat}", "there is no parameter 'rat'; did you mean 'rate'?; write {{rat}} for literal"),
        ("{x}", "there is no parameter 'x'; the parameters are: rate; write {{x}}"),
    ],
)
def test_a_text_that_cannot_be_filled_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        fill(text, {"rate": 1})
    assert message in str(caught.value)


def test_without_parameters_none_are_listed() -> None:
    with pytest.raises(TemplateError) as caught:
        fill("{x}", {})
    assert "the parameters are" not in str(caught.value)
