"""Matches regular expressions of scenarios in logs of jobs, within limits of time and memory.

The patterns are those of Python's ``re``, which runs in a separate process: see ``pattern_worker``.
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
    """A pattern exceeded its time or memory; the message completes a sentence that begins with the pattern."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The matches of a pattern's first group.

    Attributes:
        texts: the last matches, as many as were requested.
        count: the number of all matches.
    """

    texts: tuple[str, ...]
    count: int


class PatternMatcher:
    """Matches patterns in a process, which starts on demand; a context manager that ends the process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def prepare(self) -> None:
        """Start the process without waiting for it."""
        self._ensure_process()

    def find(self, pattern: str, path: Path, *, keep: int, seconds: float) -> Matches:
        """The matches of a pattern in a log.

        Args:
            pattern: a regular expression with a group.
            path: a log of any size.
            keep: how many of the last matches to return.
            seconds: the limit of processor time.

        Raises:
            PatternError: the pattern exceeds the time, or its memory.
        """
        reply = self._request("find", seconds=seconds, pattern=pattern, path=str(path), keep=keep)
        return Matches(tuple(reply["texts"]), reply["count"])

    def match_lines(self, patterns: Sequence[str], lines: Sequence[str], *, seconds: float) -> list[bool]:
        """Whether any of the patterns matches, for each line.

        Args:
            patterns: any number of regular expressions.
            lines: lines of bounded length.
            seconds: the limit of processor time for all lines.

        Raises:
            PatternError: the patterns exceed the time, or their memory.
        """
        matches: list[bool] = self._request("match_lines", seconds=seconds, patterns=list(patterns), lines=list(lines))
        return matches

    def groups(self, patterns: Sequence[str], lines: Sequence[str], *, seconds: float) -> list[list[str]]:
        """The texts that the first group of each pattern matches, in the order of the lines.

        Args:
            patterns: regular expressions with a group each.
            lines: lines of bounded length.
            seconds: the limit of processor time for all lines.

        Raises:
            PatternError: the patterns exceed the time, or their memory.
        """
        texts: list[list[str]] = self._request("groups", seconds=seconds, patterns=list(patterns), lines=list(lines))
        return texts

    def close(self) -> None:
        """End the process; a later request starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _request(self, task: str, *, seconds: float, **parameters: Any) -> Any:
        request = json.dumps({"task": task, "seconds": seconds, **parameters})
        try:
            line = self._exchange(request)
        except BaseException:
            self.close()  # the next request would read the reply to the interrupted one
            raise
        reply: dict[str, Any] = json.loads(line) if line else {"error": "slow"}
        if not line:
            self.close()
        if "error" in reply:
            messages = {"slow": f"takes longer than {seconds:g} s", "large": "takes too much memory"}
            raise PatternError(messages[reply["error"]])
        return reply["result"]

    def _exchange(self, request: str) -> str:
        process = self._ensure_process()
        if process.stdin is None or process.stdout is None:
            return ""
        try:
            process.stdin.write(f"{request}\n")
            process.stdin.flush()
        except BrokenPipeError:
            return ""
        return process.stdout.readline()

    def _ensure_process(self) -> subprocess.Popen[str]:
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
