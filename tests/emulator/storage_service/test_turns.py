"""Requests that change one file run one after the other."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.emulator.storage_service.turns import Turns


@dataclass(frozen=True)
class Claim:
    keys: Sequence[str]
    below: str = ""


class Log:
    """The log of what requests do, in order."""

    def __init__(self) -> None:
        self.turns, self.lines = Turns(), list[str]()

    async def change(self, name: str, look: Callable[[], Claim], until: asyncio.Event) -> None:
        async with self.turns.take(look):
            self.lines.append(f"{name} begins")
            await until.wait()
            self.lines.append(f"{name} ends")


async def played(first: Claim, second: Claim) -> list[str]:
    """The log of two requests that begin one after the other; the first ends once the second waits or has ended."""
    log, may_continue = Log(), asyncio.Event()
    already_set = asyncio.Event()
    already_set.set()
    first_task = asyncio.create_task(log.change("1", lambda: first, may_continue))
    await asyncio.sleep(0)
    second_task = asyncio.create_task(log.change("2", lambda: second, already_set))
    for _ in range(5):
        await asyncio.sleep(0)
    may_continue.set()
    await asyncio.gather(first_task, second_task)
    return log.lines


IN_TURN = ["1 begins", "1 ends", "2 begins", "2 ends"]
AT_ONCE = ["1 begins", "2 begins", "2 ends", "1 ends"]


def test_one_file_is_changed_by_one_request_at_a_time() -> None:
    assert asyncio.run(played(Claim(["a"]), Claim(["a"]))) == IN_TURN
    assert asyncio.run(played(Claim(["a"]), Claim(["b"]))) == AT_ONCE


def test_a_rename_waits_for_both_names() -> None:
    assert asyncio.run(played(Claim(["a"]), Claim(["b", "a"]))) == IN_TURN
    assert asyncio.run(played(Claim(["b", "a"]), Claim(["a"]))) == IN_TURN


def test_a_rename_of_a_directory_waits_for_what_is_in_it() -> None:
    assert asyncio.run(played(Claim(["d/f"]), Claim(["d"], below="d/"))) == IN_TURN
    assert asyncio.run(played(Claim(["dd"]), Claim(["d"], below="d/"))) == AT_ONCE


def test_two_renames_to_each_others_names_both_end() -> None:
    assert asyncio.run(played(Claim(["a", "b"]), Claim(["b", "a"]))) == IN_TURN


def test_the_files_are_looked_for_again_after_a_wait() -> None:
    async def renamed() -> list[str]:
        log, may_continue = Log(), asyncio.Event()
        names = iter([["a"], ["b"]])
        first_task = asyncio.create_task(log.change("1", lambda: Claim(["a"]), may_continue))
        await asyncio.sleep(0)
        second_task = asyncio.create_task(log.change("2", lambda: Claim(next(names)), may_continue))
        await asyncio.sleep(0)
        may_continue.set()
        await asyncio.gather(first_task, second_task)
        return list(names)

    assert asyncio.run(renamed()) == []


def test_a_share_is_idle_when_nothing_in_it_is_changed() -> None:
    async def idle() -> bool:
        log, may_continue = Log(), asyncio.Event()
        first_task = asyncio.create_task(log.change("1", lambda: Claim(["share/f"]), may_continue))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(log.turns.wait_for_changes("share/"))
        await asyncio.sleep(0)
        before = waiting.done()
        may_continue.set()
        await asyncio.gather(first_task, waiting)
        return before

    assert asyncio.run(idle()) is False
