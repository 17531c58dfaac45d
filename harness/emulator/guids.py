"""GUIDs that are names and need not be unpredictable."""

from datetime import datetime
from random import Random

_RANDOM = Random()  # noqa: S311 - not the global generator, which tests seed


def new_guid() -> str:
    """A random GUID, without the system calls of ``uuid.uuid4``."""
    return _guid(_RANDOM.randbytes(16).hex(), version=4)


def ordered_guid(moment: datetime) -> str:
    """A GUID that begins with a timestamp, as in UUID version 7: the store then keeps records of one time together."""
    return _guid(f"{int(moment.timestamp() * 1000):012x}{_RANDOM.randbytes(10).hex()}", version=7)


def _guid(digits: str, version: int) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{version}{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
