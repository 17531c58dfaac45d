"""Fixtures for tests of the user's own code: a storage emulator, and a session that is recorded and replayed."""

import os
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness import clouds
from harness import emulator as emulator_package
from harness.errors import CassetteError
from harness.file_lock import lock_file
from harness.plugin.factories import cassette_of
from harness.plugin.options import SCENARIO_OPTIONS
from harness.plugin.session import shared_directory

if TYPE_CHECKING:
    import requests
    from azure.core.pipeline.transport._requests_basic import RequestsTransport

    from harness.clouds import Cloud
    from harness.emulator.endpoint import Endpoint

_PASSED = pytest.StashKey[bool]()


@dataclass(frozen=True)
class RecordedSession:
    """The session through which code under test sends its requests, and the names that it may use in them.

    Attributes:
        session: for code that uses ``requests``.
        transport: for clients of azure-core (``transport=``); it does not close the session.
        subscription_id: the cloud's subscription; like the next two, it has a fixed value in replay.
        storage_account: the name of an existing storage account.
        storage_key: the key of the storage account.
    """

    session: "requests.Session"
    transport: "RequestsTransport"
    subscription_id: str
    storage_account: str
    storage_key: str = field(repr=False)


class _DiscardedError(Exception):
    """The recording is discarded, because the test did not pass."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],  # noqa: ARG001 - pytest's own signature
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether a test has passed, for fixtures that end after it."""
    report = yield
    if report.when == "call":
        item.stash[_PASSED] = report.passed
    return report


@pytest.fixture(scope="session")
def storage_emulator(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Endpoint"]:
    """An emulator of Azure Files and blobs until the end of the session; workers of pytest-xdist share one.

    Clients connect with ``storage_emulator.connection_string``.

    Raises:
        EmulatorError: it did not start.
    """
    shared = shared_directory(pytestconfig, tmp_path_factory)
    if shared is None:
        with harness.launch(only="storage") as endpoint:
            yield endpoint
        return
    yield _shared_emulator(shared.with_name("harness-storage"), session=os.getppid())


def _shared_emulator(directory: Path, *, session: int) -> "Endpoint":
    """The emulator that all workers share; the first worker starts it, and it ends with the session's process."""
    directory.parent.mkdir(exist_ok=True)
    with lock_file(directory.with_name(f"{directory.name}.lock"), wait=None):
        options = emulator_package.Options(directory, only="storage", until=session)
        return emulator_package.find(directory) or emulator_package.start_detached(options)


@pytest.fixture
def recorded_session(request: pytest.FixtureRequest, cloud: "Cloud") -> Iterator[RecordedSession]:
    """A session that replays the test's own cassette, or, with ``--record``, writes it.

    The recording of a test that fails is discarded, and the earlier one stays.

    Raises:
        CassetteError: the cassette does not exist (replay), or the test sent nothing through the session (record).
    """
    options, cassette = request.config.stash[SCENARIO_OPTIONS], cassette_of(request.node)
    urls: list[str] = []

    def note_url(response: Any, *_arguments: Any, **_options: Any) -> None:
        urls.append(response.url)

    with suppress(_DiscardedError), cloud.clients(cassette) as clients:
        if options.record:
            clients.session.hooks["response"].append(note_url)
        facts = cloud.facts
        yield RecordedSession(
            clients.session,
            clouds.ClockTransport(clients.session, cloud.clock),
            facts.subscription_id,
            facts.storage_account,
            facts.storage_key,
        )
        if options.record:
            _check_recording(request.node, urls, cassette)


def _check_recording(test: pytest.Item, urls: list[str], cassette: str) -> None:
    """Check that the recording may be kept.

    Raises:
        _DiscardedError: the test has not passed.
        CassetteError: nothing was recorded.
    """
    if not test.stash.get(_PASSED, False):
        raise _DiscardedError
    if not urls:
        raise CassetteError(
            f"nothing was sent through recorded_session, so {cassette} is not written; give the client "
            "transport=recorded_session.transport, or the session recorded_session.session"
        )
