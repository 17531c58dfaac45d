"""The owner of a data directory, who needs no sign-in."""

from pathlib import Path

from harness.clock import SystemClock
from harness.emulator.auth import AUDIENCES, Tokens
from harness.emulator.endpoint import Endpoint
from harness.emulator.identity import load_identity
from harness.emulator.paths import DataDirectory


def owner_token(endpoint: Endpoint) -> str:
    """A token for Resource Manager, signed here: whoever may read the data directory has the key.

    So faults that strike every sign-in can still be ended.
    """
    tokens = Tokens(load_identity(DataDirectory(Path(endpoint.directory))), SystemClock())
    return tokens.issue(AUDIENCES[0])
