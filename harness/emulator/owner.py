"""A token for the owner of a data directory, without a sign-in."""

from pathlib import Path

from harness.clock import SystemClock
from harness.emulator.auth import AUDIENCES, Tokens
from harness.emulator.endpoint import Endpoint
from harness.emulator.identity import load_identity
from harness.emulator.paths import DataDirectory


def owner_token(endpoint: Endpoint) -> str:
    """A token for Resource Manager, signed here with the key in the data directory.

    So a fault plan can be deleted even if its faults strike every sign-in.
    """
    tokens = Tokens(load_identity(DataDirectory(Path(endpoint.directory))), SystemClock())
    return tokens.issue(AUDIENCES[0])
