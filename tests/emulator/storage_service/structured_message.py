"""Structured messages as Microsoft's SDK writes them, whole or with a fault."""

from io import BytesIO

from azure.storage.blob._shared.streams import StructuredMessageEncodeStream, StructuredMessageProperties


def structured(content: bytes, *, segment_size: int = 4 << 20, break_crc: bool = False) -> bytes:
    """A content as a structured message.

    Args:
        segment_size: bytes in each segment.
        break_crc: its last byte, of the CRC-64 of the whole content, is another.
    """
    stream = StructuredMessageEncodeStream(
        BytesIO(content), len(content), StructuredMessageProperties.CRC64, segment_size=segment_size
    )
    message = stream.read()
    return message[:-1] + bytes([message[-1] ^ 1]) if break_crc else message
