"""The sink of bodies: the work of its threads, and their end."""

import asyncio
import base64
import hashlib
import os
import random
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.emulator.storage_service.crc64 import crc64_of
from harness.emulator.storage_service.sink import Lane, Sink


def parts_of(sizes: Sequence[int]) -> list[bytes]:
    drawn = random.Random(3)
    return [drawn.randbytes(size) for size in sizes]


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([], id="nothing"),
        pytest.param([10, 20], id="short"),
        pytest.param([60_000, 5_000], id="a little more than short"),
        pytest.param([256_000] * 17 + [1], id="long"),
        pytest.param([9 << 20, 1, 9 << 20], id="more at once than may wait"),
        pytest.param([7] * 30_000, id="more parts than one system call takes"),
    ],
)
def test_a_body_is_hashed_and_written_whole_and_in_order(tmp_path: Path, sizes: list[int]) -> None:
    parts = parts_of(sizes)
    body = b"".join(parts)
    descriptor = os.open(tmp_path / "body", os.O_RDWR | os.O_CREAT)

    async def fill() -> Sink:
        sink = Sink(descriptor, with_crc=True)
        for part in parts:
            await sink.take(part)
        await sink.settle()
        return sink

    sink = asyncio.run(fill())
    os.close(descriptor)
    assert (tmp_path / "body").read_bytes() == body
    assert sink.md5() == base64.b64encode(hashlib.md5(body).digest()).decode()
    assert sink.crc64() == crc64_of(body)


@pytest.mark.parametrize("size", [1000, 100_000, 20 << 20])
def test_a_disk_that_refuses_is_noticed(tmp_path: Path, size: int) -> None:
    (tmp_path / "body").touch()
    descriptor = os.open(tmp_path / "body", os.O_RDONLY)

    async def fill() -> None:
        sink = Sink(descriptor)
        try:
            for _ in range(4):
                await sink.take(bytes(size // 4))
            await sink.settle()
        finally:
            await sink.stop()

    with pytest.raises(OSError, match="Bad file descriptor"):
        asyncio.run(fill())
    os.close(descriptor)


class Work:
    """The work of a lane, which waits until the test lets it continue."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()
        self.done: list[bytes] = []

    def __call__(self, parts: Sequence[bytes]) -> None:
        self.began.set()
        assert self.may_end.wait(60)
        self.done += parts


def test_a_cancelled_request_waits_for_the_thread_that_uses_its_descriptor() -> None:
    work = Work()

    async def check() -> None:
        lane = Lane(work)
        await lane.take([b"a"])
        await asyncio.to_thread(work.began.wait)
        settling = asyncio.ensure_future(lane.settle())
        await asyncio.sleep(0)
        settling.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not settling.done()
        work.may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await settling
        assert work.done == [b"a"]

    asyncio.run(check())


def test_a_lane_that_is_stopped_leaves_what_waits_and_ends() -> None:
    work = Work()

    async def check() -> None:
        lane = Lane(work)
        await lane.take([b"a"])
        await asyncio.to_thread(work.began.wait)
        await lane.take([b"b"])
        stopping = asyncio.ensure_future(lane.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        work.may_end.set()
        await stopping

    asyncio.run(check())
    assert work.done == [b"a"]


def test_no_more_parts_are_taken_than_may_wait() -> None:
    work = Work()

    async def check() -> None:
        lane = Lane(work)
        await lane.take([bytes(5 << 20)])
        taking = asyncio.ensure_future(lane.take([b"more"]))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not taking.done()
        work.may_end.set()
        await taking
        await lane.settle()
        assert work.done[-1] == b"more"

    asyncio.run(check())
