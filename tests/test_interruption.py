"""A signal is raised once, where that is safe, and never during a deletion."""

import os
import signal
from pathlib import Path

import pytest

from harness.interruption import Interrupted, Interruption
from tests.fakes import FileResource, provisioning


def interrupt(signum: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), signum)


pytestmark = pytest.mark.usefixtures("with_hangups")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_exit_code_depends_on_the_signal(signum: int, code: int) -> None:
    interruption = Interruption()
    with interruption.installed(), pytest.raises(Interrupted) as caught, interruption.allowed():
        interrupt(signum)
    assert caught.value.exit_code == code


def test_between_safe_places_it_waits_for_the_next() -> None:
    interruption = Interruption()
    with interruption.installed():
        interrupt()
        with pytest.raises(Interrupted), interruption.allowed():
            pytest.fail("the block must not begin")


def test_it_is_raised_once() -> None:
    interruption = Interruption()
    with interruption.installed():
        with pytest.raises(Interrupted), interruption.allowed():
            interrupt()
        interrupt()
        with interruption.allowed():
            pass


def test_an_eager_one_is_raised_anywhere_but_where_it_is_held() -> None:
    interruption, events = Interruption(eager=True), []

    def hold() -> None:
        with interruption.held():
            interrupt()
            events.append("held")
        events.append("after")

    with interruption.installed(), pytest.raises(Interrupted):
        hold()
    assert events == ["held"]


def test_a_second_signal_says_that_things_are_being_deleted(capfd: pytest.CaptureFixture[str]) -> None:
    interruption = Interruption()
    with interruption.installed():
        with pytest.raises(Interrupted), interruption.allowed():
            interrupt()
        interrupt()
    assert "deleting the resources of the run" in capfd.readouterr().err


def test_a_hangup_that_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interruption = Interruption()
    with interruption.installed(), interruption.allowed():
        interrupt(signal.SIGHUP)
    assert interruption.signum is None


def test_a_closed_terminal_breaks_no_deletion(capfd: pytest.CaptureFixture[str]) -> None:
    interruption = Interruption()
    duplicate = os.dup(2)
    with interruption.installed(), pytest.raises(Interrupted), interruption.allowed():
        interrupt(signal.SIGHUP)
    try:
        os.close(2)
        with interruption.installed():
            interrupt(signal.SIGHUP)  # prints a note where standard error is open
    finally:
        os.dup2(duplicate, 2)
        os.close(duplicate)
    assert "deleting" not in capfd.readouterr().err


def test_handlers_are_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interruption().installed():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


class Interrupting(FileResource):
    """A resource that is interrupted during its creation and its deletion."""

    def create(self) -> None:
        super().create()
        interrupt()

    def delete(self) -> None:
        interrupt()
        super().delete()


def test_what_is_interrupted_half_made_is_deleted_whole(tmp_path: Path) -> None:
    interruption = Interruption()
    resource = Interrupting(provisioning(tmp_path, interruption=interruption), tmp_path / "it")
    with interruption.installed(), pytest.raises(Interrupted), resource:
        pytest.fail("it was not made")
    assert (tmp_path / "it").read_text().split() == ["made", "deleted"]


def test_a_signal_while_deleting_is_raised_when_the_next_thing_begins(tmp_path: Path) -> None:
    interruption = Interruption()
    shared = provisioning(tmp_path, interruption=interruption)

    class Late(FileResource):
        def delete(self) -> None:
            interrupt()
            super().delete()

    with interruption.installed():
        with Late(shared, tmp_path / "first"):
            pass
        with pytest.raises(Interrupted), FileResource(shared, tmp_path / "second"):
            pytest.fail("it was not made")
    assert (tmp_path / "first").read_text().split() == ["made", "deleted"]
    assert not (tmp_path / "second").exists()
    assert shared.journal.open_entries() == []
