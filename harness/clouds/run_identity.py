"""The identity of a run."""

import hashlib
import secrets

_SUFFIX_LENGTH = 12


def new_run() -> str:
    """Create a unique identity for a run."""
    return f"run-{secrets.token_hex(8)}"


def suffix_of(run: str) -> str:
    """A short form of a run's identity: lower-case letters and digits, a letter first."""
    return f"r{hashlib.sha256(run.encode()).hexdigest()}"[:_SUFFIX_LENGTH]
