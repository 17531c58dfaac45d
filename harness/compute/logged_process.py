"""Starts programs that outlive their parent; uses the standard library alone."""

import os
from collections.abc import Mapping


def start_logged(argv: list[str], environment: Mapping[str, str], log: str) -> int:
    """Start a program in a new session, without input and with its output appended to a log; return its process id.

    Args:
        argv: the path of the program, and its arguments.
        environment: all its variables.
        log: the log file; it is created with mode 0600 if it does not exist.

    Raises:
        OSError: the program cannot be started, or the log cannot be opened.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(argv[0], argv, environment, file_actions=actions, setsid=True)
