"""Reason phrases of answers: Azure's services put the sentence of a refusal there, uvicorn only the standard's words.

A client that gets no body, as after HEAD, has nothing else to show its user.
"""

import asyncio
import re

_LENGTH = 500  # characters of a phrase
_UNSENDABLE = re.compile(r"[^\x20-\x7e]+", re.ASCII)
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2}) [^\r]*\r\n")  # but not that of an interim answer


class PhrasedTransport:
    """What one answer is written to: its connection, and the phrase that the answer has, if it is not the usual one.

    Args:
        transport: of the connection.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._phrase = b""

    def set_phrase(self, sentence: str) -> None:
        """Give the answer, which is not begun yet, a phrase: the first line of a sentence."""
        line = sentence.partition("\n")[0][:_LENGTH]
        self._phrase = _UNSENDABLE.sub("?", line).strip().encode("ascii")

    def write(self, data: bytes) -> None:
        """Write a part of the answer; the first is its head."""
        if self._phrase and (match := _STATUS_LINE.match(data)):
            data = b"HTTP/1.1 %b %b\r\n%b" % (match[1], self._phrase, data[match.end() :])
            self._phrase = b""
        self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether the connection is being closed."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close the connection once everything is sent."""
        self._transport.close()
