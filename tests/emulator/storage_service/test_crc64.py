"""CRC-64 as Azure computes it."""

import base64

from harness.emulator.storage_service.crc64 import crc64_of


def test_the_published_check_value() -> None:
    assert int.from_bytes(base64.b64decode(crc64_of(b"123456789")), "little") == 0xAE8B14860A799888
