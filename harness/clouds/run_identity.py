"""What tells a run from every other one."""

import secrets


def new_run() -> str:
    """An identity for a run that no other has."""
    return f"run-{secrets.token_hex(8)}"
