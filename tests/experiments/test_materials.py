from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.experiments.materials import LocalMaterials, RecordedMaterials, own_files
from harness.scenario.model import Scenario

Changed = Callable[[str, str], Scenario]


def test_a_replay_needs_neither_data_nor_files(quickstart: Scenario) -> None:
    with RecordedMaterials().uploads(quickstart) as uploads:
        assert {name: upload.source for name, upload in uploads.items()} == {
            "Train-28x28_cntk_text.txt": b"",
            "Test-28x28_cntk_text.txt": b"",
            "ConvNet_MNIST.py": b"",
        }


def test_the_same_names_are_uploaded_as_in_a_replay(quickstart: Scenario) -> None:
    told: list[object] = []
    with (
        LocalMaterials(None, None, told.append).uploads(quickstart) as uploads,
        RecordedMaterials().uploads(quickstart) as recorded,
    ):
        assert list(uploads) == list(recorded)
        assert uploads["Train-28x28_cntk_text.txt"].data == "digits"
        assert uploads["ConvNet_MNIST.py"].data == ""
    assert [str(event) for event in told] == ["data: digits, 1500 samples to train and 297 to test"]


def test_a_directory_goes_with_all_that_is_in_it(changed: Changed, tmp_path: Path) -> None:
    for name in ("code/train.py", "code/deep/net.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert list(own_files(changed("files/ConvNet_MNIST.py", "code"))) == ["code/deep/net.py", "code/train.py"]


def test_a_file_that_is_not_there_is_told_with_its_line(changed: Changed) -> None:
    with pytest.raises(
        ScenarioError, match=r"changed\.yaml:11: share\.upload\.1: there is no file or directory .*gone"
    ):
        own_files(changed("files/ConvNet_MNIST.py", "gone"))
