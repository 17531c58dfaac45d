"""No recording replaces that of another test or scenario."""

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest

from harness.errors import CassetteError
from harness.recording import Recordings
from harness.recording.cassette import load_cassette, save_cassette
from harness.recording.recordings import SOURCE


@pytest.fixture
def cassettes(tmp_path: Path) -> Path:
    (tmp_path / "scenarios").mkdir()
    return tmp_path / "cassettes" / "batchai"


@pytest.fixture
def recordings(cassettes: Path) -> Recordings:
    return Recordings(cassettes)


def record(recordings: Recordings, cassette: Path, scenario: str | None = None, test: str = "") -> None:
    """Record a cassette that has no requests, for a scenario file or a test."""
    source = cassette.parents[3] / "scenarios" / scenario if scenario else None
    if source is not None:
        source.touch()
    with recordings.recording(cassette, source, test) as provenance:
        save_cassette(cassette, [], provenance)


def test_a_second_test_cannot_record_under_the_name_of_the_first(recordings: Recordings, cassettes: Path) -> None:
    record(recordings, cassettes / "mine" / "a.json")

    with pytest.raises(CassetteError, match=r"a\.json was recorded in this run already.*request\.node\.name"):
        record(recordings, cassettes / "mine" / "a.json")


def test_the_next_run_may_record_again(recordings: Recordings, cassettes: Path) -> None:
    record(recordings, cassettes / "mine" / "a.json")
    record(Recordings(cassettes), cassettes / "mine" / "a.json")


def test_a_recording_that_failed_may_be_tried_again(recordings: Recordings, cassettes: Path) -> None:
    with suppress(KeyError), recordings.recording(cassettes / "mine" / "a.json", None):
        raise KeyError
    record(recordings, cassettes / "mine" / "a.json")

    assert load_cassette(cassettes / "mine" / "a.json") == []


def test_two_tests_may_use_one_trial_of_a_scenario(recordings: Recordings, cassettes: Path) -> None:
    record(recordings, cassettes / "sweep" / "rate=1.json", "sweep.yaml")
    record(recordings, cassettes / "sweep" / "rate=1.json", "sweep.yaml")


@pytest.mark.parametrize(("first", "second"), [("mine/Job", "mine/job"), ("Mine/job", "mine/other")])
@pytest.mark.parametrize("apart", [True, False], ids=["in two runs", "in one run"])
def test_names_that_differ_in_case_only_are_refused(cassettes: Path, first: str, second: str, apart: bool) -> None:
    recordings = Recordings(cassettes)
    record(recordings, cassettes / f"{first}.json")

    with pytest.raises(CassetteError, match=r"differ in upper and lower case only.*choose another name"):
        record(Recordings(cassettes) if apart else recordings, cassettes / f"{second}.json")


def test_another_scenario_file_cannot_record_over_the_first_in_a_later_run(cassettes: Path) -> None:
    record(Recordings(cassettes), cassettes / "sweep" / "group.json", "one.yaml")

    refusal = "is a recording of scenarios/one.yaml, and one of scenarios/two.yaml would replace it"
    with pytest.raises(CassetteError, match=re.escape(refusal)):
        record(Recordings(cassettes), cassettes / "sweep" / "group.json", "two.yaml")


def test_a_scenario_file_that_was_renamed_records_again(cassettes: Path) -> None:
    record(Recordings(cassettes), cassettes / "sweep" / "group.json", "one.yaml")
    (cassettes.parents[1] / "scenarios" / "one.yaml").unlink()

    record(Recordings(cassettes), cassettes / "sweep" / "group.json", "two.yaml")


def test_a_damaged_recording_may_be_replaced(recordings: Recordings, cassettes: Path) -> None:
    (cassettes / "sweep").mkdir(parents=True)
    (cassettes / "sweep" / "group.json").write_text("{")

    record(recordings, cassettes / "sweep" / "group.json", "one.yaml")


def test_a_scenario_file_outside_of_the_project_is_not_named(
    recordings: Recordings, cassettes: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "one.yaml"
    with recordings.recording(cassettes / "sweep" / "group.json", elsewhere) as provenance:
        assert provenance == {}


TESTS = """
class TestGroup:
    def test_one(self): ...
    async def test_two(self): ...
"""
TEST_ONE, TEST_TWO = "tests/test_mine.py::TestGroup::test_one", "tests/test_mine.py::TestGroup::test_two"


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module with two tests, in the project of the cassettes."""
    path = tmp_path / "tests" / "test_mine.py"
    path.parent.mkdir()
    path.write_text(TESTS)
    return path


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TEST_ONE, TEST_TWO),
        (TEST_TWO, TEST_ONE),
        (f"{TEST_ONE}[a]", f"{TEST_ONE}[b]"),
        (TEST_ONE, f"{TEST_ONE}[a]"),
    ],
)
def test_another_test_cannot_record_over_the_first_in_a_later_run(cassettes: Path, first: str, second: str) -> None:
    record(Recordings(cassettes), cassettes / "mine" / "a.json", test=first)

    refusal = (
        f"a.json is a recording of {first}, and one of {second} would replace it; give one of the two another name"
    )
    with pytest.raises(CassetteError, match=re.escape(refusal)):
        record(Recordings(cassettes), cassettes / "mine" / "a.json", test=second)


@pytest.mark.usefixtures("module")
def test_a_test_may_record_its_own_again(cassettes: Path) -> None:
    record(Recordings(cassettes), cassettes / "mine" / "a.json", test=TEST_ONE)
    record(Recordings(cassettes), cassettes / "mine" / "a.json", test=TEST_ONE)


def test_a_test_that_was_renamed_or_moved_records_again(cassettes: Path, module: Path) -> None:
    record(Recordings(cassettes), cassettes / "mine" / "a.json", test=TEST_ONE)
    module.write_text(TESTS.replace("test_one", "test_one_more"))
    record(Recordings(cassettes), cassettes / "mine" / "a.json", test=f"{TEST_ONE}_more")
    module.rename(module.with_name("test_moved.py"))

    record(Recordings(cassettes), cassettes / "mine" / "a.json", test="tests/test_moved.py::TestGroup::test_one_more")


@pytest.mark.usefixtures("module")
def test_a_test_and_a_scenario_cannot_record_over_each_other(cassettes: Path) -> None:
    record(Recordings(cassettes), cassettes / "sweep" / "group.json", "one.yaml")
    record(Recordings(cassettes), cassettes / "mine" / "a.json", test=TEST_ONE)

    with pytest.raises(CassetteError, match=r"is a recording of scenarios/one\.yaml, and one of tests/test_mine\.py"):
        record(Recordings(cassettes), cassettes / "sweep" / "group.json", test=TEST_ONE)
    with pytest.raises(
        CassetteError, match=r"is a recording of tests/test_mine\.py::\S*, and one of scenarios/one\.yaml"
    ):
        record(Recordings(cassettes), cassettes / "mine" / "a.json", "one.yaml")


@pytest.mark.parametrize("source", ["../elsewhere.py::test_it", "/dev/zero", "pipe", "", "\0", "tests", "x" * 5000])
def test_what_a_cassette_of_a_stranger_says_of_its_source_opens_no_other_file(
    cassettes: Path, tmp_path: Path, source: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "tests").mkdir()
    save_cassette(cassettes / "mine" / "a.json", [], {SOURCE: source})

    record(Recordings(cassettes), cassettes / "mine" / "a.json", test=TEST_ONE)
