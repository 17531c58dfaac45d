"""Reports recorded responses that no test requested, at the end of a session; workers send theirs to the controller."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.options import is_worker
from harness.printable import printable

if TYPE_CHECKING:
    from harness.recording import UnusedAnswers

_OUTPUT = "harness_unused"
_UNUSED = pytest.StashKey[list[str]]()


def unused_reporter(config: pytest.Config) -> Callable[[Path, Sequence["UnusedAnswers"]], None]:
    """A function that collects unused responses, except uploads of ranges, since a replay has no data to upload."""

    def report(cassette: Path, unused: Sequence["UnusedAnswers"]) -> None:
        config.stash.setdefault(_UNUSED, []).extend(
            f"{cassette.relative_to(config.rootpath)}: {responses}"
            for responses in unused
            if "comp=range" not in responses.request
        )

    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001 - the hook's own signature
    """Take the unused responses of a worker."""
    node.config.stash.setdefault(_UNUSED, []).extend(getattr(node, "workeroutput", {}).get(_OUTPUT, ()))


def send_unused(config: pytest.Config) -> None:
    """Send the unused responses of this worker to the controller."""
    if is_worker(config):
        output: dict[str, Any] = getattr(config, "workeroutput", {})
        output[_OUTPUT] = config.stash.get(_UNUSED, [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name every unused response, and how to record again."""
    unused: list[str] = config.stash.setdefault(_UNUSED, [])
    if lines := sorted(set(unused)):
        terminalreporter.section("recorded, but not requested")
        for line in lines:
            terminalreporter.line(printable(line))
        terminalreporter.line("record again where the code has changed: pytest --cloud emulator --record")
