"""Matches regular expressions in a process of its own, which can be bounded in time and memory; run by its path.

A pattern can backtrack for longer than anybody waits, and nothing in Python stops it but a signal or the end of the
process. So each request may use so many seconds of processor time, whatever else the machine does.

A request is one line of JSON with ``task``, ``seconds`` and the parameters of that task; so is the reply, which holds
``result``, or ``error``: ``slow`` or ``large``.
"""

import json
import os
import re
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any

MOST_BYTES = 64 << 20  # of a log; of a larger one its two ends are read, half of this each
LONGEST_LINE = 64 << 10  # characters; of a longer line its two ends are read, half of this each
_MEMORY = 2 << 30  # bytes of address space
_GRACE = 2  # seconds of processor time after which the kernel ends a process that does not hear its signal
_LONGEST_NUMBER = 100  # characters of a match that are returned

_LONG = re.compile(rf"[^\n]{{{LONGEST_LINE + 1},}}")


class SlowError(Exception):
    """A request has used all its time."""


def bounded_text(path: str) -> str:
    """The text of a log, every kind of line end as a newline.

    Of a file over ``MOST_BYTES`` the middle is left out, and of a line over ``LONGEST_LINE``. Bytes that are not UTF-8
    become replacement characters.
    """
    with open(path, "rb") as stream:  # noqa: PTH123 - pathlib would double the start-up time
        size = os.fstat(stream.fileno()).st_size
        content = stream.read(MOST_BYTES if size <= MOST_BYTES else MOST_BYTES // 2)
        if size > MOST_BYTES:
            stream.seek(size - MOST_BYTES // 2)
            content = content.rpartition(b"\n")[0] + b"\n" + stream.read(MOST_BYTES // 2).partition(b"\n")[2]
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return _LONG.sub(_ends, text)


def find(pattern: str, path: str, keep: int) -> dict[str, Any]:
    """What the first group of a pattern matches in a log; a match in which the group has no part does not count.

    Args:
        pattern: of Python's ``re``.
        path: of the log.
        keep: how many of the last matches to return.
    """
    texts: deque[str] = deque(maxlen=keep)
    count = 0
    for match in re.finditer(pattern, bounded_text(path)):
        if match[1] is not None:
            texts.append(match[1][:_LONGEST_NUMBER])
            count += 1
    return {"texts": list(texts), "count": count}


def hold(patterns: list[str], lines: list[str]) -> list[bool]:
    """Which lines any of the patterns matches in."""
    compiled = [re.compile(pattern) for pattern in patterns]
    return [any(pattern.search(line) for pattern in compiled) for line in lines]


def groups(patterns: list[str], lines: list[str]) -> list[list[str]]:
    """What the first group of each pattern matches in lines; a match in which it has no part does not count."""
    return [
        [match[1][:_LONGEST_NUMBER] for line in lines for match in re.finditer(pattern, line) if match[1] is not None]
        for pattern in patterns
    ]


TASKS: dict[str, Callable[..., Any]] = {"find": find, "hold": hold, "groups": groups}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The reply to a request."""
    seconds, task = request.pop("seconds"), TASKS[request.pop("task")]
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds) + _GRACE, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, max(seconds, 1e-6))  # 0 would set no timer
    try:
        return {"result": task(**request)}
    except SlowError:
        return {"error": "slow"}
    except MemoryError:
        return {"error": "large"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> None:
    """Answer requests until the other end of standard input is closed."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _stop)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


def _ends(line: re.Match[str]) -> str:
    return f"{line[0][: LONGEST_LINE // 2]} ... {line[0][-LONGEST_LINE // 2 :]}"


def _stop(_signum: int, _frame: FrameType | None) -> None:
    raise SlowError


if __name__ == "__main__":
    main()
