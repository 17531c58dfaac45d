"""The process that serves a data directory: how it is started, and how it is recognised before it gets a signal.

The directory's lock file names the process that holds the lock. A new emulator holds the lock before it has written its
own id, and until then the file names the one before, whose id may belong to a stranger by now. So a process is taken
for the emulator only if its command line is the one that this module makes, for this directory.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from harness.compute.process_handle import ProcessFacts, ProcessHandle, open_process
from harness.emulator.options import Options
from harness.emulator.paths import DataDirectory
from harness.file_lock import is_locked

# The emulator runs what clients tell it to run, and needs nothing of its launcher's secrets, but
# for the token of a Ray cluster, which no job gets.
_INHERITED = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_DATA_HOME",
    "LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH", "PYTHONHOME", "PYTHONPATH",
    "DOCKER_HOST", "DOCKER_CONFIG", "XDG_RUNTIME_DIR",
    "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH",
    "RAY_USE_TLS", "RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT",
)  # fmt: skip


def server_command(options: Options) -> list[str]:
    """The command line that serves a data directory; ``-P`` keeps modules of the current directory out."""
    absolute = replace(options, directory=options.directory.absolute())
    return [sys.executable, "-P", "-m", "harness.emulator", *absolute.words()]


def server_environment(options: Options, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which to serve: places and locale of the launcher, and what the options say."""
    kept = {name: environ[name] for name in _INHERITED if environ.get(name)}
    if "PYTHONPATH" in kept:  # an empty or a relative entry means the current directory
        kept["PYTHONPATH"] = ":".join(entry for entry in kept["PYTHONPATH"].split(":") if entry.startswith("/"))
    return kept | options.environment()


def is_server(facts: ProcessFacts, directory: Path) -> bool:
    """Whether a process is an emulator of this user that serves a data directory."""
    pairs = list(pairwise(facts.command_line))
    served = {os.path.realpath(value) for option, value in pairs if option == "--dir"}
    return facts.user == os.getuid() and ("-m", "harness.emulator") in pairs and served == {os.path.realpath(directory)}


def is_served(directory: Path) -> bool:
    """Whether some process holds the lock of a data directory.

    Raises:
        OSError: the lock cannot be looked at.
    """
    try:
        return is_locked(DataDirectory(directory).lock)
    except (FileNotFoundError, NotADirectoryError):
        return False


def read_server(directory: Path) -> int | None:
    """The process id in the lock file of a data directory; None if there is none."""
    with contextlib.suppress(OSError, ValueError):
        return int(DataDirectory(directory).lock.read_text(encoding="ascii"))
    return None


@contextmanager
def open_server(directory: Path) -> Iterator[ProcessHandle | None]:
    """A handle of the emulator that serves a data directory; None if none does that is provably ours."""
    pid = read_server(directory) if is_served(directory) else None
    if pid is None:
        yield None
        return
    with open_process(pid, lambda facts: is_server(facts, directory)) as process:
        yield process
