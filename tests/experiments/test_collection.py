from pathlib import Path

from harness.experiments.collection import newest_versions, toolkit_of
from harness.resources import OutputFile
from harness.scenario.model import Scenario


def files(*names: str) -> tuple[OutputFile, ...]:
    return tuple(OutputFile("MODEL", name, 1, "https://link") for name in names)


def test_of_numbered_checkpoints_the_last_is_fetched() -> None:
    found = newest_versions(files("net_1.dnn", "net_12.dnn", "net_9.dnn", "notes.txt"))
    assert [file.name for file in found] == ["net_12.dnn", "notes.txt"]


def test_the_execution_log_tells_what_really_trained(quickstart: Scenario, tmp_path: Path) -> None:
    log = "x toolkit: CNTK on PyTorch 2.13.0\nx no GPU on this machine: the job runs on the CPU\n"
    (tmp_path / "execution.log").write_text(log)
    assert (
        toolkit_of({"execution.log": tmp_path / "execution.log"}, quickstart.job)
        == "CNTK on PyTorch 2.13.0, on the CPU"
    )


def test_a_log_that_does_not_tell_leaves_what_was_asked_for(quickstart: Scenario, tmp_path: Path) -> None:
    (tmp_path / "stderr.txt").write_text("toolkit: a lie")
    told = toolkit_of({"stderr.txt": tmp_path / "stderr.txt"}, quickstart.job)
    assert told == "cntk in microsoft/cntk:2.1-gpu-python3.5-cuda8.0-cudnn6.0"
