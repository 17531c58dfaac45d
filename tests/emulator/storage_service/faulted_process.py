"""A separate process that runs one operation of the storage services, so that faults can strike its system calls."""

import asyncio
import ctypes
import os
from dataclasses import replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import quote

from harness.clock import SteppingClock, SystemClock
from harness.emulator.storage_service import timestamps
from tests.emulator.storage_service.every_operation import BEFORE, OPERATIONS, prepare
from tests.emulator.storage_service.lone_storage import Call, LoneStorage, lone_storage
from tests.emulator.storage_service.observation import observe

_AHEAD = timedelta(seconds=30)  # so that times that the file system sets by itself are never observed
_HOUR = 3600 * 10**9  # ns
_AFTER_THE_BLOB = 1000  # nanoseconds: the snapshot of a blob is later than the blob
_SET_PTRACER, _ANY = 0x59616D61, ctypes.c_ulong(-1)


def perform(root: Path, operation: str, link: Connection) -> None:
    """Prepare a data directory, and send the process id and the time; then execute commands.

    "perform" sends the response of the operation; any other command sends the observation.
    """
    ctypes.CDLL(None).prctl(_SET_PTRACER, _ANY)  # strace is not an ancestor of this process
    clock = SteppingClock(SystemClock().now().replace(microsecond=0) + _AHEAD)
    with lone_storage(root, clock) as storage:
        asyncio.run(_perform(storage, clock.now(), operation, link))


async def _perform(storage: LoneStorage, start: datetime, operation: str, link: Connection) -> None:
    for call in BEFORE:
        response = await storage.ask(call)
        assert response.status < 300, (call, response)
    prepare(storage, timestamps.nanoseconds(start) - _HOUR)
    link.send((os.getpid(), start))
    while command := link.recv():
        if command == "perform":
            link.send(await storage.ask(_completed(OPERATIONS[operation], start)))
        else:
            link.send(await observe(storage, start))


def restarted(root: Path, start: datetime, link: Connection) -> None:
    """Start the services again on a data directory, and send the observation."""
    with lone_storage(root, SteppingClock(start)) as storage:
        link.send(asyncio.run(observe(storage, start, restoring=True)))


def _completed(call: Call, start: datetime) -> Call:
    """A call with the times that the services returned in its run."""
    ticks = timestamps.nanoseconds(start)
    snapshot, of_blob = (quote(timestamps.stamp(time)) for time in (ticks, ticks + _AFTER_THE_BLOB))
    versions = {"{version}": f"{ticks // 100:016X}"}
    headers = tuple((name, versions.get(value, value)) for name, value in call.headers)
    path = call.path.replace("{snapshot}", snapshot).replace("{snapshot of blob}", of_blob)
    return replace(call, path=path, headers=headers)
