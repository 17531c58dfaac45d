"""Recorded answers that no test requested: reported at the end of a session, by workers through their controller."""

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
    """What a replaying cloud calls; ranges of uploads do not count, since a replay has no data to upload."""

    def report(cassette: Path, unused: Sequence["UnusedAnswers"]) -> None:
        reported = [answers for answers in unused if "comp=range" not in answers.request]
        config.stash.setdefault(_UNUSED, []).extend(
            f"{cassette.relative_to(config.rootpath)}: {answers}" for answers in reported
        )

    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001 - the hook's own signature
    """Take what a worker found."""
    node.config.stash.setdefault(_UNUSED, []).extend(getattr(node, "workeroutput", {}).get(_OUTPUT, ()))


def hand_over(config: pytest.Config) -> None:
    """Give what this worker found to its controller."""
    if is_worker(config):
        output: dict[str, Any] = getattr(config, "workeroutput", {})
        output[_OUTPUT] = config.stash.get(_UNUSED, [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name every recorded answer that was not asked for, and what to do."""
    found: list[str] = config.stash.setdefault(_UNUSED, [])
    if lines := sorted(set(found)):
        terminalreporter.section("recorded, and not asked for")
        for line in lines:
            terminalreporter.line(printable(line))
        terminalreporter.line("record again where the code has changed: pytest --cloud emulator --record")
