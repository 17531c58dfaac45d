"""The process that serves a data directory: its command line, and how it is recognised before it gets a signal.

The lock file of a directory holds the id of the process that holds the lock. A new emulator takes the lock before it
writes its id; until then the file holds the id of the previous emulator, which may belong to an unrelated process by
now. So a process is taken for the emulator only if its command line is the one of this module, for this directory.
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

# The emulator runs its clients' code, so it inherits none of its launcher's secrets except the token of a Ray
# cluster, which no job gets.
_INHERITED = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_DATA_HOME",
    "LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH", "PYTHONHOME", "PYTHONPATH",
    "DOCKER_HOST", "DOCKER_CONFIG", "XDG_RUNTIME_DIR",
    "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH",
    "RAY_USE_TLS", "RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT",
)  # fmt: skip


def server_command(options: Options) -> list[str]:
    """The command line that serves a data directory; ``-P`` keeps the current directory off the module path."""
    absolute = replace(options, directory=options.directory.absolute())
    return [sys.executable, "-P", "-m", "harness.emulator", *absolute.arguments()]


def server_environment(options: Options, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the emulator: paths and locale of the launcher, and the variables of the options."""
    variables = {name: environ[name] for name in _INHERITED if environ.get(name)}
    if "PYTHONPATH" in variables:  # an empty or a relative entry means the current directory
        entries = variables["PYTHONPATH"].split(":")
        variables["PYTHONPATH"] = ":".join(entry for entry in entries if entry.startswith("/"))
    return variables | options.environment()


def is_server(facts: ProcessFacts, directory: Path) -> bool:
    """Whether a process is an emulator of this user that serves a data directory."""
    pairs = list(pairwise(facts.command_line))
    served = {os.path.realpath(value) for option, value in pairs if option == "--dir"}
    return facts.user == os.getuid() and ("-m", "harness.emulator") in pairs and served == {os.path.realpath(directory)}


def is_served(directory: Path) -> bool:
    """Whether some process holds the lock of a data directory.

    Raises:
        OSError: the lock cannot be checked.
    """
    try:
        return is_locked(DataDirectory(directory).lock)
    except (FileNotFoundError, NotADirectoryError):
        return False


def read_server(directory: Path) -> int | None:
    """The process id in the lock file of a data directory; None if it holds none."""
    with contextlib.suppress(OSError, ValueError):
        return int(DataDirectory(directory).lock.read_text(encoding="ascii"))
    return None


@contextmanager
def open_server(directory: Path) -> Iterator[ProcessHandle | None]:
    """A handle of the process that serves a data directory; None if it is not provably this user's emulator."""
    pid = read_server(directory) if is_served(directory) else None
    if pid is None:
        yield None
        return
    with open_process(pid, lambda facts: is_server(facts, directory)) as process:
        yield process
