"""``harness emulator log``: the requests that an emulator has answered."""

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from harness.cli.groups import CONTEXT
from harness.cli.options import directory_option
from harness.cli.output import say
from harness.clock import SystemClock
from harness.errors import EmulatorError
from harness.interruption import Interrupted, Interruption
from harness.request_entry import LOG_NAME, RequestEntry

_POLL_SECONDS = 0.2
_MOST_BYTES = 1 << 20  # the size of a read; a line is far shorter


@click.command(context_settings=CONTEXT)
@click.option("--follow", "-f", is_flag=True, help="Print new requests too, until Ctrl-C.")
@click.option(
    "--lines",
    "-n",
    metavar="N",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="How many of the last requests to print.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each request as a JSON object.")
@directory_option
def log(*, follow: bool, lines: int, as_json: bool, directory: Path) -> None:
    """Print the requests that an emulator has answered: time, method, status, duration, URL and error code.

    Signatures and tokens are removed. An emulator that was started with --no-log has no log.

    \b
    Examples:
      harness emulator log --follow
      harness emulator log --json | jq 'select(.status >= 400)'
    """
    path = directory / LOG_NAME
    if not path.exists() and not follow:
        raise EmulatorError(
            f"{path} does not exist; start the emulator without --no-log, or name its directory with --dir"
        )
    for line in last_lines(path, lines):
        _show(line, as_json=as_json)
    if follow:
        with Interruption(eager=True).installed(), contextlib.suppress(Interrupted):
            for line in new_lines(path):
                _show(line, as_json=as_json)


def last_lines(path: Path, count: int) -> list[bytes]:
    """Return the last lines of a log; none if the log does not exist yet."""
    try:
        with path.open("rb") as stream:
            return list(deque(stream, maxlen=count))
    except FileNotFoundError:
        return []


def new_lines(path: Path) -> Iterator[bytes]:
    """Yield complete lines that are written from now on, also after the log was replaced by a new file."""
    clock = SystemClock()
    inode, offset = (path.stat().st_ino, path.stat().st_size) if path.exists() else (0, 0)
    while True:
        chunk = b""
        with contextlib.suppress(FileNotFoundError), path.open("rb") as stream:
            if (current := os.fstat(stream.fileno()).st_ino) != inode:
                inode, offset = current, 0
            stream.seek(offset)
            chunk = stream.read(_MOST_BYTES)
        end = chunk.rfind(b"\n") + 1 or (len(chunk) if len(chunk) == _MOST_BYTES else 0)
        offset += end
        yield from chunk[:end].splitlines()
        if not end:
            clock.sleep(_POLL_SECONDS)


def _show(line: bytes, *, as_json: bool) -> None:
    text = line.decode("utf-8", "replace").rstrip("\n")
    with contextlib.suppress(msgspec.MsgspecError):  # an incomplete line of an emulator that was killed
        text = text if as_json else msgspec.json.decode(line, type=RequestEntry).line()
    say(text)
