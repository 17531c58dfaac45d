"""Names of logs."""

from harness.experiments.job_logs import most_informative, resolve


def test_a_log_of_the_name_that_is_wanted_comes_first() -> None:
    assert resolve("stdout.txt", ["stdout.txt", "stdout-0.txt"]) == "stdout.txt"


def test_only_standard_streams_are_resolved() -> None:
    assert resolve("train.txt", ["train-0.txt"]) is None
    assert resolve("stdout.txt", ["stdout-1.txt", "stdout-ps-0.txt", "stdout-job_prep.txt"]) is None


def test_standard_error_says_more_than_standard_output_and_the_job_more_than_its_preparation() -> None:
    names = ["execution.log", "stderr-10.txt", "stderr-2.txt", "stderr-job_prep.txt", "stdout-0.txt", "stderr-0.txt"]

    assert most_informative(names) == [
        "stderr-0.txt", "stderr-2.txt", "stderr-10.txt", "stderr-job_prep.txt", "stdout-0.txt",
    ]  # fmt: skip
