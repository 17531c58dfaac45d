"""Scenario files as tests: recorded on a real emulator, replayed, shared by workers."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.emulator.endpoint import Endpoint
from tests.commands import pytest_command
from tests.fakes import write_scenario
from tests.plugin.conftest import PLUGINS

Run = Callable[..., pytest.RunResult]
Write = Callable[..., Path]

SWEEP = "{grid: {score: [1, 2]}}"
RECORD = ("--cloud", "emulator", "--record")


@pytest.fixture
def scenarios(run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, emulator: Endpoint) -> Write:
    """Write a scenario into the project's ``scenarios``, for a running emulator."""
    monkeypatch.setenv("HARNESS_EMULATOR_DIR", emulator.directory)
    monkeypatch.setenv("XDG_STATE_HOME", str(pytester.path / "state"))
    (pytester.path / "test_options.py").unlink(missing_ok=True)
    for path in pytester.path.glob("test_*.py"):
        path.unlink()
    directory = pytester.mkdir("scenarios")

    def write(sweep: str = "{}", *, name: str = "short", **changes: str) -> Path:
        return write_scenario(directory, sweep, name=name, **changes)

    return write


@pytest.mark.parametrize("workers", ["0", "2"])
def test_unused_answers_are_named(run: Run, scenarios: Write, pytester: pytest.Pytester, workers: str) -> None:
    scenarios()
    run("scenarios", *RECORD).assert_outcomes(passed=1)
    cassette = pytester.path / "cassettes" / "batchai" / "short" / "resource_group.json"
    recorded = json.loads(cassette.read_text())
    never = {"method": "GET", "uri": "https://management.azure.com/never"}
    recorded["interactions"].append({"request": never, "response": {"status": 200}})
    cassette.write_text(json.dumps(recorded))
    replayed = run("scenarios", "-n", workers)

    replayed.assert_outcomes(passed=1)
    named = "cassettes/batchai/short/resource_group.json: GET https://management.azure.com/never (1 unused)"
    replayed.stdout.fnmatch_lines(["*recorded, but not requested*", named])


def test_every_trial_is_an_item_with_the_trials_id(run: Run, scenarios: Write) -> None:
    scenarios("{grid: {score: [1, 2], pause: [0]}}")
    run("--collect-only", "-q").stdout.fnmatch_lines(
        ["scenarios/short.yaml::short?score=1,pause=0?", "scenarios/short.yaml::short?score=2,pause=0?"]
    )


def test_what_was_recorded_replays_whole_or_in_part(run: Run, scenarios: Write, pytester: pytest.Pytester) -> None:
    scenarios(SWEEP)
    run(*RECORD).assert_outcomes(passed=2)
    assert sorted(path.name for path in pytester.path.joinpath("cassettes/batchai/short").iterdir()) == [
        "file_share.json", "gpu_cluster.json", "resource_group.json", "score=1.json", "score=2.json",
    ]  # fmt: skip
    # The content of uploads must not matter, since a replay has none.
    pytester.path.joinpath("scenarios/train.sh").write_text("longer than it was\n" * 1000)

    run().assert_outcomes(passed=2)
    run("scenarios/short.yaml::short[score=2]").assert_outcomes(passed=1)
    run("-k", "score=2").assert_outcomes(passed=1)
    run("--set", "score=2").assert_outcomes(passed=1)
    run("-n", "2").assert_outcomes(passed=2)


def test_a_replay_of_other_parameters_is_refused(run: Run, scenarios: Write) -> None:
    scenarios()
    run(*RECORD).assert_outcomes(passed=1)
    result = run("--set", "score=2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*train.sh*2 0 0*record*")


def test_a_scenario_without_cassettes_is_skipped_and_says_how_to_record_it(run: Run, scenarios: Write) -> None:
    scenarios()
    result = run("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        "*short.yaml:5: short has no cassettes yet: pytest *short.yaml --cloud emulator --record"
    )


def test_a_trial_that_was_not_recorded_fails(run: Run, scenarios: Write) -> None:
    scenarios(SWEEP)
    run(*RECORD, "-k", "score=1").assert_outcomes(passed=1, deselected=1)
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines("*there is no cassette *score=2.json*")


def test_a_failing_trial_shows_the_scenario_and_the_log(run: Run, scenarios: Write, pytester: pytest.Pytester) -> None:
    scenarios("{grid: {score: [1, 3]}}")
    result = run("--cloud", "emulator", "--junitxml=report.xml")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*short.yaml:15: expect.metrics.score",
            "*> expect: *",
            "*observed: 3",
            "*expected: at most 2",
            "parameters: *score=3*",
            "*about to end with 0",
        ]
    )
    cases = ET.parse(pytester.path / "report.xml").getroot().iter("testcase")
    assert [case.get("name") for case in cases] == ["short[score=1]", "short[score=3]"]
    run("--cloud", "emulator", "--lf", "--collect-only", "-q").stdout.fnmatch_lines("*short?score=3?")


def test_no_escape_sequence_of_a_log_reaches_the_terminal_or_the_report(
    run: Run, scenarios: Write, pytester: pytest.Pytester
) -> None:
    scenarios(script="printf 'score = 9 \\033[2J \\302\\233 31m\\n'")
    result = run("--cloud", "emulator", "--junitxml=report.xml", "-o", "log_cli=true", "--log-cli-level=INFO")
    result.assert_outcomes(failed=1)
    report = (pytester.path / "report.xml").read_text()

    assert "\x1b[2J" not in result.stdout.str()
    assert "\x9b" not in result.stdout.str() + report
    assert r"score = 9 \x1b[2J \x9b 31m" in result.stdout.str()
    assert r"score = 9 \x1b[2J \x9b 31m" in report


@pytest.mark.slow  # starts pytest and its workers as processes
def test_workers_share_one_cluster(run: Run, scenarios: Write, pytester: pytest.Pytester) -> None:
    scenarios("{grid: {score: [0, 0.5, 1, 2]}}")
    run("--cloud", "emulator", "-n", "2").assert_outcomes(passed=4)
    entries = [json.loads(line) for line in journal(pytester).read_text().splitlines() if line]
    states = [(entry["kind"], entry["state"]) for entry in entries if entry["kind"] != "job"]
    assert sorted(states) == sorted(
        (kind, state) for kind in ("resource group", "file share", "cluster") for state in ("creating", "deleted")
    )


def test_with_scope_function_each_trial_has_all_to_itself(
    run: Run, scenarios: Write, pytester: pytest.Pytester
) -> None:
    path = scenarios(SWEEP)
    path.write_text(path.read_text() + "scope: function\n")
    run(*RECORD).assert_outcomes(passed=2)
    assert sorted(path.name for path in pytester.path.joinpath("cassettes/batchai/short").iterdir()) == [
        "score=1.json", "score=2.json",
    ]  # fmt: skip
    run().assert_outcomes(passed=2)


def test_a_wrong_file_is_reported_with_its_line(run: Run, scenarios: Write) -> None:
    scenarios(cluster="clustr: {name: c}")
    result = run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines("*short.yaml:4: clustr: there is no such field; did you mean 'cluster'?")


def test_a_value_that_no_scenario_knows_is_refused(run: Run, scenarios: Write) -> None:
    scenarios()
    result = run("--set", "epochs=1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = "*--set epochs: none of the scenarios that were collected has such a parameter; one of: score, *"
    result.stderr.fnmatch_lines(message)


def test_what_cannot_run_live_fails_and_is_not_skipped(run: Run, scenarios: Write) -> None:
    scenarios()
    result = run("-m", "live")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*the setting subscription_id has no value*")


def test_a_test_of_ones_own_uses_the_fixtures(run: Run, scenarios: Write, pytester: pytest.Pytester) -> None:
    scenarios()
    pytester.makepyfile(
        test_mine="""
        import pytest

        pytestmark = pytest.mark.scenario("scenarios/short.yaml")

        def test_job(job_outcome, mnist_job, gpu_cluster):
            assert job_outcome.metrics == {"score": 0.5}
            assert mnist_job is job_outcome
            assert gpu_cluster.name == "c"

        def test_share(file_share, resource_group, cloud):
            assert file_share.uploaded == ("train.sh",)
        """
    )
    run("test_mine.py", *RECORD).assert_outcomes(passed=2)
    run("test_mine.py").assert_outcomes(passed=2)


def test_a_test_of_ones_own_makes_what_it_needs(run: Run, scenarios: Write, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_made="""
        MOUNT = "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare"

        def test_job(make_resource_group, make_file_share, make_gpu_cluster, make_job):
            group = make_resource_group("mine")
            share = make_file_share(group, "mineshare")
            cluster = make_gpu_cluster(share, "small")
            job = make_job(cluster, "hello", toolkit="customToolkit", command="exit 3", stdouterr=MOUNT)
            assert job.wait(deadline=60).exit_code == 3
        """
    )
    run("test_made.py", *RECORD).assert_outcomes(passed=1)
    run("test_made.py").assert_outcomes(passed=1)


@pytest.mark.slow  # starts pytest as a process, and ends it during a trial
@pytest.mark.usefixtures("with_hangups")
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_nothing_behind(
    run: Run, scenarios: Write, pytester: pytest.Pytester, signum: int, code: int
) -> None:
    scenarios()
    process = subprocess.Popen(
        pytest_command(*PLUGINS, "-s", "--cloud", "emulator", "--set", "pause=60", "-o", "log_cli=true",
                       "--log-cli-level=INFO"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=pytester.path,
    )  # fmt: skip
    assert process.stdout is not None
    first_line = next(line for line in process.stdout if "is running" in line)
    process.send_signal(signum)
    rest, _ = process.communicate(timeout=300)
    assert process.returncode == code, first_line + rest
    entries = [json.loads(line) for line in journal(pytester).read_text().splitlines() if line]
    assert {entry["name"] for entry in entries if entry["state"] == "deleted"} == {"shortgroup", "shortshare", "c", "j"}


def journal(pytester: pytest.Pytester) -> Path:
    """The journal of a project's runs."""
    (path,) = pytester.path.rglob("journal.jsonl")
    return path


def test_a_search_is_one_item_whose_recording_replays_to_the_same_points(
    run: Run, scenarios: Write, pytester: pytest.Pytester
) -> None:
    space = "space: {score: {low: 0.0, high: 1.0}}, trials: 3, pruner: median"
    scenarios(f"{{search: {{{space}}}, goal: {{minimize: score}}, expect: {{best: {{score: {{max: 1}}}}}}}}")
    run("scenarios", *RECORD).assert_outcomes(passed=2)
    recorded = sorted(path.name for path in (pytester.path / "cassettes" / "batchai" / "short").glob("trial=*"))
    assert [name.partition(",")[0] for name in recorded] == ["trial=0", "trial=1", "trial=2"]
    replayed = run("scenarios", "-v")

    replayed.assert_outcomes(passed=2)
    replayed.stdout.fnmatch_lines(["*short.yaml::short?search? PASSED*"])


def test_trials_on_clusters_of_their_own_are_recorded_and_replay(run: Run, scenarios: Write) -> None:
    scenarios(
        "{zip: {size: [STANDARD_NC6, STANDARD_NC12], score: [1, 2]}}",
        cluster="cluster: {name: c, vm_size: '{size}'}",
        parameters="parameters: {score: 0.5, code: 0, pause: 0, size: STANDARD_NC6}",
    )
    run("scenarios", *RECORD).assert_outcomes(passed=2)

    run("scenarios").assert_outcomes(passed=2)
    run("scenarios", "-n", "2").assert_outcomes(passed=2)
