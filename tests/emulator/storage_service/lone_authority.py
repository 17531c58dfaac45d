"""A judge of tokens for storage services that run without an emulator."""

from functools import cache

from harness.clock import Clock
from harness.emulator.auth import Tokens
from harness.emulator.identity import Identity, new_identity
from harness.emulator.storage_service import BearerAuthority


@cache
def identity() -> Identity:
    """One for all: making its key takes long."""
    return new_identity()


def authority(clock: Clock) -> BearerAuthority:
    """It trusts a tenant that no test signs in to."""
    return BearerAuthority(identity(), Tokens(identity(), clock))
