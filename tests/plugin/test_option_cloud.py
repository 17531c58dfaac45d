from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_scenarios_replay_by_default(run: Run) -> None:
    run().stdout.fnmatch_lines("*seen: replay False {}*")


def test_a_cloud_can_be_named(run: Run) -> None:
    run("--cloud", "emulator").stdout.fnmatch_lines("*seen: emulator *")


def test_an_unknown_cloud_is_refused_with_the_known_ones(run: Run) -> None:
    result = run("--cloud", "mars")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*'mars'*replay*emulator*azure*")


@pytest.mark.parametrize(
    ("expression", "cloud"),
    [
        ("live", "azure"),
        ("live and slow", "replay"),
        ("live or slow", "azure"),
        ("not live", "replay"),
        ("not slow", "replay"),
        ("slow", "replay"),
        ("", "replay"),
    ],
)
def test_selecting_what_is_live_implies_azure(run: Run, pytester: pytest.Pytester, expression: str, cloud: str) -> None:
    pytester.makeconftest(
        """
        from harness.plugin import SCENARIO_OPTIONS

        def pytest_report_header(config):
            return f"cloud is {config.stash[SCENARIO_OPTIONS].cloud}"
        """
    )

    run("-m", expression).stdout.fnmatch_lines(f"cloud is {cloud}")


def test_a_named_cloud_wins_over_what_is_implied(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nmarkers = slow")

    run("-m", "not slow or live", "--cloud", "emulator").stdout.fnmatch_lines("*seen: emulator *")
