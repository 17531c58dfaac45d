"""CRC-64 as the storage services compute it: CRC-64/NVME, of polynomial 0xAD93D23594C93659."""

import base64

import anycrc

_MODEL = anycrc.Model("CRC64-NVME")


def update(crc: int, piece: bytes) -> int:
    """The CRC-64 after one more piece.

    Args:
        crc: the CRC-64 of the bytes before the piece; 0 at the beginning.
    """
    return int(_MODEL.calc(piece, crc))


def to_base64(crc: int) -> str:
    """A CRC-64 in the form of headers: eight bytes, the lowest first, in base64."""
    return base64.b64encode(crc.to_bytes(8, "little")).decode()


def crc64_of(body: bytes) -> str:
    """The CRC-64 of a body in the form of headers."""
    return to_base64(update(0, body))
