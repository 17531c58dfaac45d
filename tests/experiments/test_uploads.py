from collections.abc import Callable

from harness.experiments.uploads import LocalUploads, RecordedUploads
from harness.scenario.model import Scenario

Changed = Callable[[str, str], Scenario]


def test_a_replay_needs_neither_data_nor_files(quickstart: Scenario) -> None:
    with RecordedUploads().open(quickstart, ("share",)) as uploads:
        assert {name: upload.source for name, upload in uploads.items()} == {
            "Train-28x28_cntk_text.txt": b"",
            "Test-28x28_cntk_text.txt": b"",
            "ConvNet_MNIST.py": b"",
        }


def test_the_same_names_are_uploaded_as_in_a_replay(quickstart: Scenario) -> None:
    events: list[object] = []
    with (
        LocalUploads(None, None, events.append).open(quickstart, ("share",)) as uploads,
        RecordedUploads().open(quickstart, ("share",)) as recorded,
    ):
        assert list(uploads) == list(recorded)
        assert uploads["Train-28x28_cntk_text.txt"].data == "digits"
        assert uploads["ConvNet_MNIST.py"].data == ""
    assert [str(event) for event in events] == ["data: digits, 1500 samples to train and 297 to test"]
