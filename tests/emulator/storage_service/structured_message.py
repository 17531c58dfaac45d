"""Structured messages as Microsoft's SDK writes them, whole or with a fault."""

from io import BytesIO

from azure.storage.blob._shared.streams import StructuredMessageEncodeStream, StructuredMessageProperties


def structured(content: bytes, *, segment_size: int = 4 << 20, break_crc: bool = False) -> bytes:
    """A structured message with a content.

    Args:
        segment_size: bytes in each segment.
        break_crc: whether to change its last byte, which belongs to the CRC-64 of the whole content.
    """
    stream = StructuredMessageEncodeStream(
        BytesIO(content), len(content), StructuredMessageProperties.CRC64, segment_size=segment_size
    )
    message = stream.read()
    return message[:-1] + bytes([message[-1] ^ 1]) if break_crc else message
