"""A token authority for storage services that run without an emulator."""

from functools import cache

from harness.clock import Clock
from harness.emulator.auth import Tokens
from harness.emulator.identity import Identity, new_identity
from harness.emulator.storage_service import BearerAuthority


@cache
def identity() -> Identity:
    """One identity for all tests, because creating its key takes long."""
    return new_identity()


def authority(clock: Clock) -> BearerAuthority:
    """An authority that trusts a tenant without users."""
    return BearerAuthority(identity(), Tokens(identity(), clock))
