"""Matches regular expressions in a separate process with limits of time and memory; it is run by its path.

A pattern can backtrack almost for ever, and only a signal or the end of the process stops it. So each request has a
limit of processor time, which does not depend on the load of the machine.

A request is one line of JSON with ``task``, ``seconds`` and the parameters of the task. The reply is one line of JSON
with ``result``, or with ``error``, which is ``slow`` or ``large``.
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

MOST_BYTES = 64 << 20  # of a log that are read; of a larger log, half of them at each end
LONGEST_LINE = 64 << 10  # characters of a line that are read; of a longer line, half of them at each end
_MEMORY = 2 << 30  # bytes of address space
_GRACE = 2  # more seconds of processor time until the kernel ends a process that does not handle its signal
_LONGEST_NUMBER = 100  # characters of a match that are returned

_LONG = re.compile(rf"[^\n]{{{LONGEST_LINE + 1},}}")


class SlowError(Exception):
    """A request has used all its time."""


def bounded_text(path: str) -> str:
    """The text of a log with newlines as its line ends.

    A file over ``MOST_BYTES`` and a line over ``LONGEST_LINE`` lose their middle. Bytes that are not UTF-8 become
    replacement characters.
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
    """The texts that the first group of a pattern matches in a log; matches without that group do not count.

    Args:
        pattern: a regular expression.
        path: the log.
        keep: how many of the last matches to return.
    """
    texts: deque[str] = deque(maxlen=keep)
    count = 0
    for match in re.finditer(pattern, bounded_text(path)):
        if match[1] is not None:
            texts.append(match[1][:_LONGEST_NUMBER])
            count += 1
    return {"texts": list(texts), "count": count}


def match_lines(patterns: list[str], lines: list[str]) -> list[bool]:
    """Whether any of the patterns matches, for each line."""
    compiled = [re.compile(pattern) for pattern in patterns]
    return [any(pattern.search(line) for pattern in compiled) for line in lines]


def groups(patterns: list[str], lines: list[str]) -> list[list[str]]:
    """The texts that the first group of each pattern matches; matches without that group do not count."""
    return [
        [match[1][:_LONGEST_NUMBER] for line in lines for match in re.finditer(pattern, line) if match[1] is not None]
        for pattern in patterns
    ]


TASKS: dict[str, Callable[..., Any]] = {"find": find, "match_lines": match_lines, "groups": groups}


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
    """Answer requests until standard input ends."""
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
