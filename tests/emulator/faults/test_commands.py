"""``harness emulator faults`` and ``harness emulator start --fault``."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.fileshare import ShareServiceClient

from harness.cli import main
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import find, stop
from harness.emulator.option_texts import parse_faults
from harness.emulator.options import Options
from tests.emulator.faults.conftest import Plans

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def faults(endpoint: Endpoint, plans: Plans, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command on the emulator; returns its exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["emulator", "faults", *arguments, "--dir", endpoint.directory])
        return (code, *capsys.readouterr())

    return run


def test_faults_are_set_and_shown(faults: Command, plans: Plans) -> None:
    arguments = ["set", "throttle=0.3", "slow=1", "--seed", "7", "--times", "2", "--seconds", "0.1", "--group", "g"]
    shown = (
        "default: seed 7, group g\n"
        "  throttle      0.3, 2 times at most, 0.1 s; struck 0\n"
        "  slow          1, 2 times at most, 0.1 s; struck 0\n"
    )

    assert faults(*arguments) == (0, shown, "")
    assert faults("show") == (0, shown, "")


def test_faults_are_cleared_by_name_or_all(faults: Command) -> None:
    for name in ("a", "b", "c"):
        faults("set", "drop=1", "--name", name)

    assert faults("clear", "--name", "b") == (0, "", "cleared b\n")
    assert faults("clear") == (0, "", "cleared a\ncleared c\n")
    assert faults("show")[2] == "no faults are in force; set some with: harness emulator faults set throttle=0.3\n"


def test_a_missing_plan_is_reported_with_those_in_force(faults: Command) -> None:
    faults("set", "drop=1")

    assert faults("clear", "--name", "x") == (2, "", "harness: there is no fault plan 'x'; in force: default\n")


def test_an_unknown_fault_is_reported_with_a_suggestion(faults: Command) -> None:
    code, _, message = faults("set", "thrtle=1")

    assert (code, message) == (2, "harness: there is no fault 'thrtle'; did you mean 'throttle'?\n")


def test_faults_that_strike_every_sign_in_can_be_cleared(faults: Command) -> None:
    faults("set", "unavailable=1", "drop=1")

    assert faults("clear")[0] == 0


def test_a_missing_emulator_is_reported_with_the_command_that_starts_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["emulator", "faults", "show", "--dir", str(tmp_path)]) == 2
    assert "start one with: harness emulator start --detach" in capsys.readouterr().err


def test_storage_alone_starts_with_faults_and_says_how_to_change_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--only", "storage", "--detach", "--fault", "throttle=1", "--fault", "slow=0", "--fault-seed", "3"]
    assert main(["emulator", "start", "--dir", str(tmp_path / "data"), *arguments]) == 0
    endpoint = find(tmp_path / "data")
    assert endpoint is not None
    try:
        with (
            ShareServiceClient.from_connection_string(endpoint.connection_string, retry_total=0) as shares,
            pytest.raises(HttpResponseError, match="Operations per second is over the account limit"),
        ):
            shares.get_service_properties()
        assert main(["emulator", "faults", "show", "--dir", str(tmp_path / "data")]) == 2
        message = capsys.readouterr().err
        assert "takes faults only at its start: harness emulator start --only storage --fault throttle=0.3" in message
    finally:
        stop(tmp_path / "data")


def test_a_wrong_fault_keeps_the_emulator_from_starting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulator", "start", "--dir", str(tmp_path / "data"), "--fault", "slow=2"]) == 2
    assert "the rate of slow must be a number from 0 to 1, not 2.0" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_the_arguments_of_a_start_give_the_same_plan(tmp_path: Path) -> None:
    options = Options(tmp_path, faults=parse_faults(["throttle=0.3", "drop=1"], 7))

    pairs = [(option, value) for option, value in pairwise(options.arguments()) if option.startswith("--fault")]

    assert pairs == [("--fault-seed", "7"), ("--fault", "throttle=0.3"), ("--fault", "drop=1.0")]
