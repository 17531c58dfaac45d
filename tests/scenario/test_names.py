import re

from hypothesis import given
from hypothesis import strategies as st

from harness.scenario.names import job_name, trial_id

SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(), st.text())
POINTS = st.dictionaries(st.from_regex(r"[a-z_]{1,40}", fullmatch=True), SCALARS)


def test_an_id_reads_as_its_values() -> None:
    assert trial_id({"learning_rate": 0.001, "minibatch_size": 64}) == "learning_rate=0.001,minibatch_size=64"


def test_without_values_a_trial_is_the_default() -> None:
    assert trial_id({}) == "default"


def test_what_a_file_name_cannot_hold_is_encoded() -> None:
    assert trial_id({"path": "../a b"}) == "path=..%2Fa%20b"


@given(POINTS)
def test_an_id_is_always_a_safe_file_name(point: dict[str, bool | int | float | str]) -> None:
    name = trial_id(point)
    assert 0 < len(f"{name}.yaml".encode()) < 200
    assert not re.search(r"[/\\\0\s\[\]:*?\"<>|]", name)
    assert not name.startswith((".", "-"))


@given(POINTS)
def test_a_job_is_always_a_valid_azure_name(point: dict[str, bool | int | float | str]) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", job_name("j" * 64, trial_id(point)))


def test_trials_that_differ_in_punctuation_have_jobs_of_their_own() -> None:
    assert job_name("job", "rate=0.1") != job_name("job", "rate=0_1")


def test_a_job_that_is_not_swept_keeps_its_name() -> None:
    assert job_name("myjob", "default") == "myjob"
