from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_recording_is_asked_for(run: Run) -> None:
    run("--record", "--cloud", "emulator").stdout.fnmatch_lines("*seen: emulator True *")


def test_recording_a_replay_is_refused(run: Run) -> None:
    result = run("--record")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*--record needs a cloud to record: add --cloud emulator or --cloud azure")


def test_recording_with_workers_is_refused(run: Run) -> None:
    result = run("--record", "--cloud", "emulator", "-n", "2")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*--record writes one cassette at a time: run it without -n*")


def test_recording_with_no_workers_is_fine(run: Run) -> None:
    run("--record", "--cloud", "emulator", "-n", "0").assert_outcomes(passed=1)
