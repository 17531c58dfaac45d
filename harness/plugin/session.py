"""State of a pytest session: the emulator that workers share, the handling of signals, the blocked network."""

import signal
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import clouds, recording
from harness import config as harness_config
from harness import emulator as emulator_package
from harness.interruption import Interruption
from harness.plugin.options import SCENARIO_OPTIONS, is_worker, worker_input
from harness.plugin.unused import send_unused
from harness.resources.owner import Owner, parse_owner, this_process

if TYPE_CHECKING:
    from harness.emulator.endpoint import Endpoint

_OWNER = "harness_owner"  # key of a worker's input: the process that owns the workers' resources
_EMULATOR = "harness_emulator"  # key of a worker's input: the data directory of the shared emulator

SESSION_STACK = pytest.StashKey[ExitStack]()
INTERRUPTION = pytest.StashKey[Interruption]()
_SHARED = pytest.StashKey["Endpoint"]()


def worker_id(config: pytest.Config) -> str:
    """The name of this worker, such as ``gw0``; empty in a session without workers."""
    return str(worker_input(config).get("workerid", ""))


def shared_directory(config: pytest.Config, factory: pytest.TempPathFactory) -> Path | None:
    """A directory that the workers of a session share; None in a session without workers."""
    return factory.getbasetemp().parent / "harness-leases" if is_worker(config) else None


def session_owner(config: pytest.Config) -> Owner:
    """The process that outlives all workers of a session: the controller, or this process if there are none."""
    return parse_owner(worker_input(config).get(_OWNER, "")) or this_process()


@contextmanager
def running_emulator(config: pytest.Config) -> Iterator["Endpoint"]:
    """The emulator of this session; workers get the one that their controller started."""
    shared = worker_input(config).get(_EMULATOR)
    running = emulator_package.find(Path(shared)) if shared else None
    if running is not None:
        yield running
        return
    with clouds.running_emulator(harness_config.load_settings(config.rootpath)) as launched:
        yield launched


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Start the shared emulator before the first worker, so that it outlives a worker that crashes."""
    config: pytest.Config = node.config
    cloud = config.stash[SCENARIO_OPTIONS].cloud
    if cloud == "replay":
        return
    node.workerinput[_OWNER] = str(session_owner(config))
    if cloud != "emulator":
        return
    if _SHARED not in config.stash:
        config.stash[_SHARED] = config.stash[SESSION_STACK].enter_context(running_emulator(config))
    node.workerinput[_EMULATOR] = config.stash[_SHARED].directory


def pytest_sessionstart(session: pytest.Session) -> None:
    """Handle signals if resources are created, so that a signal does not prevent their deletion."""
    config = session.config
    config.stash[INTERRUPTION] = Interruption(eager=True)
    config.stash[SESSION_STACK] = ExitStack()
    if config.stash[SCENARIO_OPTIONS].cloud != "replay" and not is_worker(config):
        config.stash[SESSION_STACK].enter_context(config.stash[INTERRUPTION].installed())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Set the exit code that shells expect after SIGTERM and SIGHUP."""
    send_unused(session.config)
    signum = session.config.stash[INTERRUPTION].signum
    if signum in (signal.SIGTERM, signal.SIGHUP):
        session.exitstatus = 128 + signum


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the shared emulator and the handling of signals."""
    if SESSION_STACK in config.stash:
        config.stash[SESSION_STACK].close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Block connections of a test that replays a scenario, also during set-up and teardown."""
    if item.config.stash[SCENARIO_OPTIONS].cloud != "replay" or "harness_scenario" not in getattr(
        item, "fixturenames", ()
    ):
        return (yield)
    with recording.blocked_sockets():
        return (yield)
