"""No recording replaces that of another test or scenario."""

import re
from contextlib import suppress
from pathlib import Path

import pytest

from harness.errors import CassetteError
from harness.recording import Recordings
from harness.recording.cassette import load_cassette, save_cassette


@pytest.fixture
def cassettes(tmp_path: Path) -> Path:
    (tmp_path / "scenarios").mkdir()
    return tmp_path / "cassettes" / "batchai"


@pytest.fixture
def recordings(cassettes: Path) -> Recordings:
    return Recordings(cassettes)


def record(recordings: Recordings, cassette: Path, scenario: str | None = None) -> None:
    """Record a cassette that has no requests, for a scenario file or a test."""
    source = cassette.parents[3] / "scenarios" / scenario if scenario else None
    if source is not None:
        source.touch()
    with recordings.recording(cassette, source) as provenance:
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
