"""The temporary emulator of a run ends as soon as the run no longer needs it."""

from pathlib import Path

import pytest

from harness.cli.run_emulator import emulator_for_run
from harness.compute.process_handle import ends
from harness.config import Settings


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory without an emulator of the project."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("elsewhere")
def test_an_emulator_that_is_left_ends_while_the_run_continues() -> None:
    with emulator_for_run(Settings(), outlives=False) as emulator:
        endpoint = emulator.find()
        emulator.leave()
        emulator.leave()
        assert ends(endpoint.pid, seconds=60)
    assert not Path(endpoint.directory).exists()


@pytest.mark.usefixtures("elsewhere")
def test_an_emulator_ends_with_a_run_that_has_not_waited_for_it() -> None:
    with pytest.raises(ValueError, match="a mistake"), emulator_for_run(Settings(), outlives=False) as emulator:
        raise ValueError("a mistake")
    endpoint = emulator.find()
    assert ends(endpoint.pid, seconds=0)
    assert not Path(endpoint.directory).exists()
