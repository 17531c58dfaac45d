"""The test or shared fixture whose requests are being recorded."""

import inspect
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

RECORDED_FOR = "harness-recorded-for"  # the name of the plugin


class RecordedFor:
    """A plugin of a recording session, which knows the running test and the shared fixture that is being set up.

    Args:
        root: the project's root directory.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._running: list[str] = []

    def __call__(self) -> str:
        """``FILE::TEST``, or ``FILE::FUNCTION`` of a fixture that outlives the test; empty if neither is running."""
        return self._running[-1] if self._running else ""

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Record for the test; a fixture of a wider scope records for itself, since any test may request it first."""
        name = request.node.nodeid if fixturedef.scope == "function" else self._fixture_name(fixturedef)
        with self._recording_for(name):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Record for the test while it runs."""
        with self._recording_for(item.nodeid):
            return (yield)

    @contextmanager
    def _recording_for(self, name: str) -> Iterator[None]:
        self._running.append(name)
        try:
            yield
        finally:
            self._running.pop()

    def _fixture_name(self, fixture: pytest.FixtureDef[Any]) -> str:
        """``FILE::FUNCTION`` of a fixture; empty for a fixture outside of the project."""
        code = getattr(inspect.unwrap(fixture.func), "__code__", None)
        if code is None or not Path(code.co_filename).is_relative_to(self._root):
            return ""
        return f"{Path(code.co_filename).relative_to(self._root).as_posix()}::{code.co_name}"


def recorded_for(config: pytest.Config) -> RecordedFor | None:
    """The plugin that knows for which test to record; None if nothing is recorded."""
    plugin: RecordedFor | None = config.pluginmanager.get_plugin(RECORDED_FOR)
    return plugin
