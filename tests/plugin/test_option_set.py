from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_values_are_collected_and_the_last_one_wins(run: Run) -> None:
    result = run("--set", "epochs=1", "--set", "rate=a=b", "--set", "epochs=2")

    result.stdout.fnmatch_lines("*seen: replay False {'epochs': '2', 'rate': 'a=b'}*")


@pytest.mark.parametrize("word", ["epochs", "=5"])
def test_what_is_no_assignment_is_refused(run: Run, word: str) -> None:
    result = run("--set", word)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"*--set {word}: write NAME=VALUE*")
