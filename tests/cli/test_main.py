"""The ``harness`` command as a whole: help, completion, exit codes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from harness.cli.command import command as root
from harness.cli.command import main


def commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command of a group, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        subcommand = group.get_command(context, name)
        assert subcommand is not None
        yield (*words, name), subcommand
        if isinstance(subcommand, click.Group):
            yield from commands(subcommand, (*words, name))


COMMANDS = dict(commands(root))


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    out = capsys.readouterr().out
    for command in root.list_commands(click.Context(root)):
        assert f"\n  {command} " in out


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_in_80_columns(
    words: tuple[str, ...], narrow: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Usage: harness {' '.join(words)}")
    assert max(map(len, out.splitlines())) <= 80
    assert not any(character in out for character in "│╭─")
    assert "..." not in out.partition("\nCommands:")[2]


def test_output_that_finds_no_room_is_one_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        words = [sys.executable, "-m", "harness", "docs", "ray"]
        process = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert process.stderr == "harness: the output could not be written completely: No space left on device\n"
    assert process.returncode == 1


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_has_a_help_and_a_value_that_is_named(words: tuple[str, ...]) -> None:
    types = ("TEXT", "PATH", "INTEGER", "FLOAT", "INTEGER RANGE", "FLOAT RANGE")
    for option in COMMANDS[words].params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert option.is_flag or option.make_metavar(click.Context(COMMANDS[words])) not in types


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_help_points_to_a_file_that_only_a_checkout_has(words: tuple[str, ...]) -> None:
    shown = COMMANDS[words].get_help(click.Context(COMMANDS[words], info_name="harness"))
    assert "docs/" not in shown


def test_the_help_of_the_whole_imports_no_command() -> None:
    script = "import sys; from harness.cli import main; main(['--help']); print(sorted(sys.modules))"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = process.stdout.splitlines()[-1]
    for heavy in ("'azure'", "'pydantic'", "'rich'", "'yaml'", "'harness.cli.run'"):
        assert heavy not in modules


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["emulatr"], "harness: there is no command 'emulatr'; did you mean 'emulator'?"),
        (["emulator", "strat"], "harness: there is no command 'strat'; did you mean 'start'?"),
        (["emulator", "faults", "shwo"], "harness: there is no command 'shwo'; did you mean 'show'?"),
        (["cassettes", "xyz"], "harness: there is no command 'xyz'; one of: check, show, convert"),
    ],
)
def test_an_unknown_command_gets_the_nearest_or_all(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err == f"{message}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["emulator", "status", "--nonsense"], "--nonsense"),
        (["run"], "Missing argument 'SCENARIO...'"),
        (["run", "x.yaml", "--cloud", "emulatr"], "'emulatr' is not one of"),
        (["run", "x.yaml", "--limit", "0"], "0 is not in the range"),
        (["reap", "--older-than", "old"], "'old' is not an age; write 90m"),
    ],
)
def test_a_wrong_option_is_bad_input(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_a_command_ends_without_a_garbage_collection() -> None:
    program = (
        "import gc, sys; sys.argv = ['harness', '--version']; import harness.cli;"
        "gc.callbacks.append(lambda phase, _: phase == 'start' and print('looks at', len(gc.get_objects())));"
        "harness.cli.run()"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    counts = [int(line.split()[-1]) for line in process.stdout.splitlines() if line.startswith("looks at")]
    assert counts  # Python does collect at exit
    assert max(counts) < 2000


def test_the_version_is_printed_by_the_module_too() -> None:
    process = subprocess.run([sys.executable, "-m", "harness", "--version"], capture_output=True, text=True, check=True)
    assert process.stdout.startswith("batchai-harness ")


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("harness em", "emulator"), ("harness emulator sta", "start"), ("harness run --clo", "--cloud")],
)
def test_the_shell_completes_commands_and_options(typed: str, completed: str) -> None:
    words = typed.split()
    environment = {
        **os.environ,
        "_HARNESS_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    script = "from harness.cli import run; run()"
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment
    )
    assert f"plain,{completed}\n" in process.stdout


def test_an_error_of_ours_is_a_traceback_without_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = (
        "from harness.cli import command, main\n"
        "import harness.cli.docs as page\n"
        "def broken():\n"
        "    secret = 'hunter' + '2'\n"
        "    raise RuntimeError('broken')\n"
        "page.find_pages = broken\n"
        "main(['docs'])\n"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "RuntimeError: broken" in process.stderr
    assert "hunter2" not in process.stderr


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delitem(sys.modules, "harness.cli.docs", raising=False)
    monkeypatch.setitem(sys.modules, "rich.markdown", None)
    assert main(["docs"]) == 2
    assert "harness: the package rich.markdown is missing: pip install --upgrade" in capsys.readouterr().err
