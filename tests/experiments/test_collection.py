from pathlib import Path
from typing import Any

import pytest

from harness.errors import JobError, UnreachableError
from harness.experiments.collection import collect, newest_versions, toolkit_of
from harness.experiments.run_directory import TrialDirectory
from harness.scenario.metric import MetricSpec
from harness.scenario.model import Scenario
from harness.services.service import Listing, OutputFile


def files(*names: str) -> tuple[OutputFile, ...]:
    return tuple(OutputFile("MODEL", name, 1, "https://link") for name in names)


def test_of_numbered_checkpoints_the_last_is_fetched() -> None:
    versions = newest_versions(files("net_1.dnn", "net_12.dnn", "net_9.dnn", "notes.txt"))
    assert [file.name for file in versions] == ["net_12.dnn", "notes.txt"]


def test_the_execution_log_tells_what_really_trained(quickstart: Scenario, tmp_path: Path) -> None:
    log = "x toolkit: CNTK on PyTorch 2.13.0\nx no GPU on this machine: the job runs on the CPU\n"
    (tmp_path / "execution.log").write_text(log)
    assert (
        toolkit_of({"execution.log": tmp_path / "execution.log"}, quickstart.job)
        == "CNTK on PyTorch 2.13.0, on the CPU"
    )


def test_a_log_that_does_not_tell_leaves_the_requested_toolkit(quickstart: Scenario, tmp_path: Path) -> None:
    (tmp_path / "stderr.txt").write_text("toolkit: a lie")
    toolkit = toolkit_of({"stderr.txt": tmp_path / "stderr.txt"}, quickstart.job)
    assert toolkit == "cntk in microsoft/cntk:2.1-gpu-python3.5-cuda8.0-cudnn6.0"


class Outputs:
    """The output directories of a job: one that cannot be listed, and one whose files are given."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def files(self, directory: str) -> Listing:
        if directory == "stdouterr":
            raise JobError("cannot list the files in stdouterr of job j: it is on no mounted file system")
        return Listing(files(*self.names), ("cannot fetch a file of MODEL that is called '..'",))

    def download(self, file: OutputFile, target: Path) -> None:
        if file.name == "unreadable":
            raise JobError("cannot read unreadable of job j: 403 Forbidden")
        target.write_text(file.name)


def collected(directory: Path, *names: str) -> Any:
    output: Any = Outputs(*names)
    return collect(output, ["stdouterr", "MODEL"], TrialDirectory(directory, "trial"), {})


class Unreachable(Outputs):
    """Outputs of a job whose service does not answer, either to the listing or to the first download."""

    def __init__(self, *, lists: bool) -> None:
        super().__init__("net.txt")
        self.lists = lists

    def files(self, directory: str) -> Listing:
        if self.lists:
            return Listing(files(*self.names))
        raise UnreachableError("cannot list the files in stdouterr of job j: management.azure.com gave no answer")

    def download(self, file: OutputFile, target: Path) -> None:
        raise UnreachableError("cannot read net.txt of job j: account.file.core.windows.net gave no answer")


@pytest.mark.parametrize("lists", [True, False])
def test_without_an_answer_there_is_no_outcome_yet(tmp_path: Path, lists: bool) -> None:
    output: Any = Unreachable(lists=lists)
    with pytest.raises(UnreachableError):
        collect(output, ["MODEL"], TrialDirectory(tmp_path, "trial"), {})


def test_whatever_cannot_be_listed_or_fetched_is_a_problem_and_hides_nothing_else(tmp_path: Path) -> None:
    collected_files = collected(tmp_path, "unreadable", "net.txt", "x" * 256)

    assert collected_files.problems == [
        "cannot list the files in stdouterr of job j: it is on no mounted file system",
        "cannot fetch a file of MODEL that is called '..'",
        "cannot read unreadable of job j: 403 Forbidden",
        f"cannot write MODEL/{'x' * 256} of the job to {tmp_path}/trial/MODEL: File name too long",
    ]
    assert collected_files.names == {"stdouterr": [], "MODEL": ["unreadable", "net.txt", "x" * 256]}
    assert [path.name for path in (tmp_path / "trial" / "MODEL").iterdir()] == ["net.txt"]


def test_of_many_problems_some_are_named(tmp_path: Path) -> None:
    collected_files = collected(tmp_path, *(f"{chr(97 + number)}{'x' * 256}" for number in range(26)))

    assert len(collected_files.problems) == 21
    assert collected_files.problems[-1] == "8 more files could not be downloaded"


def test_the_same_name_in_logs_and_outputs_costs_one_of_them(tmp_path: Path) -> None:
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial" / "MODEL").write_text("a log of that name")

    assert "cannot write MODEL/net.txt of the job" in collected(tmp_path, "net.txt").problems[-1]


def test_files_that_metrics_are_read_from_are_fetched_though_their_names_differ_in_numbers_only(tmp_path: Path) -> None:
    output: Any = Outputs("events.1", "events.2", "net_1", "net_2")
    specs = {"loss": MetricSpec(file="MODEL/events.*", tag="loss")}
    collected_files = collect(output, ["stdouterr", "MODEL"], TrialDirectory(tmp_path, "trial"), specs)
    assert list(collected_files.outputs) == ["MODEL/events.1", "MODEL/events.2", "MODEL/net_2"]
