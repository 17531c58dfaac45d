"""Which test, or which fixture that several tests share, a recording is made for."""

import inspect
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

RECORDED_FOR = "harness-recorded-for"  # the name of the plugin


class RecordedFor:
    """Knows the test that runs, and the shared fixture that is being set up for it. A plugin of a session that records.

    Args:
        root: the project's root directory.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._running: list[str] = []

    def __call__(self) -> str:
        """``FILE::TEST``, or ``FILE::FUNCTION`` of a fixture that outlives the test; empty where none of them runs."""
        return self._running[-1] if self._running else ""

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """A fixture records for its test; one of a wider scope for itself, whichever test happens to ask for it."""
        name = request.node.nodeid if fixturedef.scope == "function" else self._named(fixturedef)
        with self._entered(name):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """What a test records itself."""
        with self._entered(item.nodeid):
            return (yield)

    @contextmanager
    def _entered(self, name: str) -> Iterator[None]:
        self._running.append(name)
        try:
            yield
        finally:
            self._running.pop()

    def _named(self, fixture: pytest.FixtureDef[Any]) -> str:
        """A fixture by its function; empty for one that is not the project's."""
        code = getattr(inspect.unwrap(fixture.func), "__code__", None)
        if code is None or not Path(code.co_filename).is_relative_to(self._root):
            return ""
        return f"{Path(code.co_filename).relative_to(self._root).as_posix()}::{code.co_name}"


def recorded_for(config: pytest.Config) -> RecordedFor | None:
    """What knows which test records; None where nothing is recorded."""
    found: RecordedFor | None = config.pluginmanager.get_plugin(RECORDED_FOR)
    return found
