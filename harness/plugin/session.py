"""What lasts as long as a pytest session: the emulator that its workers share, the signals, the blocked network."""

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
from harness.plugin.unused import hand_over
from harness.resources.owner import Owner, parse_owner, this_process

if TYPE_CHECKING:
    from harness.emulator.endpoint import Endpoint

_OWNER = "harness_owner"  # in a worker's input: the process that what the workers make belongs to
_EMULATOR = "harness_emulator"  # in a worker's input: the data directory of the emulator that all of them share

OPEN = pytest.StashKey[ExitStack]()
INTERRUPTION = pytest.StashKey[Interruption]()
_SHARED = pytest.StashKey["Endpoint"]()


def worker_id(config: pytest.Config) -> str:
    """The name of this worker, such as ``gw0``; empty in a session without workers."""
    return str(worker_input(config).get("workerid", ""))


def shared_directory(config: pytest.Config, factory: pytest.TempPathFactory) -> Path | None:
    """A directory that this worker shares with the others of its session; None where there are none."""
    return factory.getbasetemp().parent / "harness-leases" if is_worker(config) else None


def session_owner(config: pytest.Config) -> Owner:
    """The process that outlives all workers of a session: the controller, or this one where there are none."""
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
    """Before the first worker starts, start what all of them share: it outlives any that crashes."""
    config: pytest.Config = node.config
    cloud = config.stash[SCENARIO_OPTIONS].cloud
    if cloud == "replay":
        return
    node.workerinput[_OWNER] = str(session_owner(config))
    if cloud != "emulator":
        return
    if _SHARED not in config.stash:
        config.stash[_SHARED] = config.stash[OPEN].enter_context(running_emulator(config))
    node.workerinput[_EMULATOR] = config.stash[_SHARED].directory


def pytest_sessionstart(session: pytest.Session) -> None:
    """Where resources are made, a signal must not break their deletion."""
    config = session.config
    config.stash[INTERRUPTION] = Interruption(eager=True)
    config.stash[OPEN] = ExitStack()
    if config.stash[SCENARIO_OPTIONS].cloud != "replay" and not is_worker(config):
        config.stash[OPEN].enter_context(config.stash[INTERRUPTION].installed())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """After SIGTERM and SIGHUP the exit code is the one that shells expect."""
    hand_over(session.config)
    signum = session.config.stash[INTERRUPTION].signum
    if signum in (signal.SIGTERM, signal.SIGHUP):
        session.exitstatus = 128 + signum


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what the session shared."""
    if OPEN in config.stash:
        config.stash[OPEN].close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """No test that replays a scenario opens a connection, set-up and teardown included."""
    if item.config.stash[SCENARIO_OPTIONS].cloud != "replay" or "harness_scenario" not in getattr(
        item, "fixturenames", ()
    ):
        return (yield)
    with recording.blocked_sockets():
        return (yield)
