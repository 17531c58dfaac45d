"""CRC-64 as the storage services compute it (polynomial 0x9A6C9329AC4BC9B5, reflected).

Python has none, and this one takes a second for 5 MiB: it is for the few requests that ask for it.
"""

import base64

_POLYNOMIAL = 0x9A6C9329AC4BC9B5
_ALL = (1 << 64) - 1


def _row(number: int) -> int:
    for _ in range(8):
        number = number >> 1 ^ (_POLYNOMIAL if number & 1 else 0)
    return number


_TABLE = tuple(_row(number) for number in range(256))


def crc64_of(body: bytes) -> str:
    """The CRC-64 of a body in the form of headers: eight bytes, the lowest first, in base64."""
    value, table = _ALL, _TABLE
    for byte in body:
        value = value >> 8 ^ table[(value ^ byte) & 255]
    return base64.b64encode((value ^ _ALL).to_bytes(8, "little")).decode()
