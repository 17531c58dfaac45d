"""The ``harness`` command as a whole."""

import subprocess
import sys

import pytest

from harness.cli import _COMMANDS, main


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for command in _COMMANDS:
        assert f"\n  {command} " in out


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"harness {command}" in capsys.readouterr().out


def test_an_unknown_command_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulatr"]) == 2
    assert f"there is no command 'emulatr'; one of: {', '.join(_COMMANDS)}" in capsys.readouterr().err


def test_an_unknown_option_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulator", "status", "--nonsense"]) == 2
    assert "--nonsense" in capsys.readouterr().err


def test_the_version_is_printed_by_the_module_too() -> None:
    done = subprocess.run([sys.executable, "-m", "harness", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("batchai-harness ")
