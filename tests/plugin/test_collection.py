"""Which YAML files are scenarios, and the errors of those that cannot run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes import write_scenario

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def scenarios(run: Run, pytester: pytest.Pytester) -> Path:
    """The directory ``scenarios`` of a project that has no other tests."""
    (pytester.path / "test_options.py").unlink(missing_ok=True)
    for path in pytester.path.glob("test_*.py"):
        path.unlink()
    return pytester.mkdir("scenarios")


@pytest.mark.parametrize(
    "text", ["services:\n  web: {image: nginx}\n", "{% for x in y %}\n", "a: [", "- scenario: x\n", "\xff\xfe"]
)
def test_the_yaml_of_another_tool_is_left_alone(
    run: Run, scenarios: Path, pytester: pytest.Pytester, text: str
) -> None:
    (scenarios / "docker-compose.yml").write_text(text, encoding="latin-1")
    pytester.makepyfile(test_mine="def test_mine(): pass")
    result = run("-rs")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("text", ["scenario: x\n", "scenario: x\nbroken: [\n", "{scenario: x, job: {}}\n"])
def test_a_scenario_with_a_mistake_is_an_error(run: Run, scenarios: Path, text: str) -> None:
    (scenarios / "mine.yaml").write_text(text)
    result = run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*mine.yaml:*")


def test_a_file_that_is_named_must_be_a_scenario(run: Run, scenarios: Path) -> None:
    (scenarios / "docker-compose.yml").write_text("services: {}\n")
    result = run("scenarios/docker-compose.yml")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines("*docker-compose.yml:1: scenario: is required")


@pytest.mark.parametrize("workers", ["0", pytest.param("2", marks=pytest.mark.slow)])
def test_two_scenarios_of_one_name_are_refused_before_anything_runs(run: Run, scenarios: Path, workers: str) -> None:
    write_scenario(scenarios, name="one")
    other = write_scenario(scenarios, name="two")
    other.write_text(other.read_text().replace("scenario: two", "scenario: one"))
    result = run("-n", workers, "--cloud", "emulator")
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines("*two scenarios are called 'one': *one.yaml, *two.yaml; give each its own name")
    result.assert_outcomes(errors=1)
    run("scenarios/two.yaml", "--collect-only", "-q").stdout.fnmatch_lines("1 test collected*")


def test_a_test_of_ones_own_may_use_a_scenario_that_is_collected(
    run: Run, scenarios: Path, pytester: pytest.Pytester
) -> None:
    write_scenario(scenarios)
    mark = 'pytest.mark.scenario("./scenarios/../scenarios/short.yaml")'
    pytester.makepyfile(test_mine=f"import pytest\n\n@{mark}\ndef test_mine(job_outcome): pass")
    run("--collect-only", "-q").stdout.fnmatch_lines("2 tests collected*")


def test_a_mistake_in_the_scenario_of_a_test_is_reported_without_a_traceback(
    run: Run, scenarios: Path, pytester: pytest.Pytester
) -> None:
    write_scenario(scenarios, cluster="clustr: {name: c}")
    pytester.makepyfile(
        test_mine='import pytest\n\n@pytest.mark.scenario("scenarios/short.yaml")\ndef test_mine(job_outcome): pass'
    )
    result = run("test_mine.py")
    result.stdout.fnmatch_lines("*short.yaml:4: clustr: there is no such field; did you mean 'cluster'?")
    result.stdout.no_fnmatch_line("*load.py*")


def test_more_trials_than_pytest_takes_are_refused(run: Run, scenarios: Path) -> None:
    numbers = f"[{', '.join(map(str, range(200)))}]"
    write_scenario(scenarios, f"{{grid: {{score: {numbers}, code: {numbers}}}}}")
    result = run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines("*short.yaml: has 40000 trials, pytest takes at most 10000 of a scenario; fix swept*")
    run("--set", "score=1", "--collect-only", "-q").stdout.fnmatch_lines("200 tests collected*")


WORDS = ["a/b", "a::b", "[x]", "(1, 2)", "spam eggs", "\u6d4b\u8bd5", "a,b=c", "#hash", "..", "", "100%", "*", "-k",
         "q'uote", "not", "\U0001f600", "x" * 200]  # fmt: skip


def test_k_takes_every_id_as_it_is_printed(run: Run, scenarios: Path) -> None:
    write_scenario(scenarios, f"{{grid: {{score: {WORDS!r}, code: [0, 1]}}}}")
    printed = [line for line in run("--collect-only", "-q").outlines if "::" in line]
    assert len(printed) == 2 * len(WORDS)
    for line in printed[::5]:
        trial = line.partition("[")[2].removesuffix("]")
        for words in (trial, line, f"{trial} and not nothing", f"({trial})"):
            result = run("--collect-only", "-q", "-k", words)
            assert [output for output in result.outlines if "::" in output] == [line]


def test_k_takes_the_ids_of_tests_of_ones_own(run: Run, scenarios: Path, pytester: pytest.Pytester) -> None:
    write_scenario(scenarios, "{grid: {score: ['a b', c]}}")
    pytester.makepyfile(
        test_mine='import pytest\n\n@pytest.mark.scenario("scenarios/short.yaml")\ndef test_mine(job_outcome): pass'
    )
    result = run("test_mine.py", "--collect-only", "-q", "-k", "score=a%20b")
    result.stdout.fnmatch_lines("test_mine.py::test_mine?score=a%20b?")
    result.stdout.fnmatch_lines("1/2 tests collected*")


def test_uploads_from_elsewhere_need_the_option(run: Run, scenarios: Path, pytester: pytest.Pytester) -> None:
    (pytester.path / "elsewhere").mkdir()
    path = write_scenario(scenarios)
    (pytester.path / "elsewhere/train.sh").write_text((scenarios / "train.sh").read_text())
    path.write_text(path.read_text().replace("file: train.sh", "file: ../elsewhere/train.sh"))
    result = run("--cloud", "emulator")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*short.yaml:3: share.upload.0: *outside of the scenario's folder *--upload-from *")
    run("--cloud", "emulator", "--upload-from", "elsewhere").assert_outcomes(passed=1)
