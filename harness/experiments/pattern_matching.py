"""Regular expressions of scenarios on logs of jobs, within bounds of time and memory.

The patterns are Python's own: they are matched by ``re``, in a process that ``pattern_worker`` runs in.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_WORKER = Path(__file__).with_name("pattern_worker.py")


class PatternError(Exception):
    """A pattern used all the time or memory that it may; the message is the end of a sentence about it."""


@dataclass(frozen=True, slots=True)
class Found:
    """The matches of a pattern's first group.

    Attributes:
        texts: the last matches, as many as were asked for.
        count: how many there were.
    """

    texts: tuple[str, ...]
    count: int


class PatternMatcher:
    """Matches patterns; a context manager, whose process starts with the first request at the latest."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def prepare(self) -> None:
        """Start the process without waiting for it."""
        self._started()

    def find(self, pattern: str, path: Path, *, keep: int, seconds: float) -> Found:
        """What a pattern matches in a log.

        Args:
            pattern: with a group.
            path: of the log, which may be of any size.
            keep: how many of the last matches are wanted.
            seconds: of processor time that it may take.

        Raises:
            PatternError: it takes longer, or too much memory.
        """
        found = self._ask("find", seconds=seconds, pattern=pattern, path=str(path), keep=keep)
        return Found(tuple(found["texts"]), found["count"])

    def holding(self, patterns: Sequence[str], lines: Sequence[str], *, seconds: float) -> list[bool]:
        """Which lines any of the patterns matches in.

        Args:
            patterns: any number.
            lines: of bounded length.
            seconds: of processor time that all may take together.

        Raises:
            PatternError: they take longer, or too much memory.
        """
        held: list[bool] = self._ask("hold", seconds=seconds, patterns=list(patterns), lines=list(lines))
        return held

    def groups(self, patterns: Sequence[str], lines: Sequence[str], *, seconds: float) -> list[list[str]]:
        """What the first group of each pattern matches in lines, in their order.

        Args:
            patterns: each with a group.
            lines: of bounded length.
            seconds: of processor time that all may take together.

        Raises:
            PatternError: they take longer, or too much memory.
        """
        found: list[list[str]] = self._ask("groups", seconds=seconds, patterns=list(patterns), lines=list(lines))
        return found

    def close(self) -> None:
        """End the process; a later request starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, task: str, *, seconds: float, **parameters: Any) -> Any:
        request = json.dumps({"task": task, "seconds": seconds, **parameters})
        try:
            line = self._exchange(request)
        except BaseException:
            self.close()  # the reply to an interrupted request would be taken for that to the next one
            raise
        reply: dict[str, Any] = json.loads(line) if line else {"error": "slow"}
        if not line:
            self.close()
        if "error" in reply:
            what = {"slow": f"takes longer than {seconds:g} s", "large": "takes too much memory"}
            raise PatternError(what[reply["error"]])
        return reply["result"]

    def _exchange(self, request: str) -> str:
        process = self._started()
        if process.stdin is None or process.stdout is None:
            return ""
        try:
            process.stdin.write(f"{request}\n")
            process.stdin.flush()
        except BrokenPipeError:
            return ""
        return process.stdout.readline()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"LANG": "C.UTF-8"},
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C at the terminal is for the harness
            )
        return self._process
