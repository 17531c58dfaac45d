"""Writes one response to its connection, with the service's own reason phrase and with few writes.

Azure's services put the sentence of an error into the reason phrase; uvicorn knows only the standard phrases. A client
that gets no body, as after HEAD, has nothing else to show its user.
"""

import asyncio
import re

_LENGTH = 500  # characters of a phrase
_UNSENDABLE = re.compile(r"[^\x20-\x7e]+", re.ASCII)
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2}) [^\r]*\r\n")  # not that of an interim response


class AnswerTransport:
    """The transport of one response, which may have a reason phrase other than the standard one.

    Args:
        transport: the transport of the connection.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._phrase = b""
        self._held: list[bytes] | None = None

    def set_phrase(self, sentence: str) -> None:
        """Set the reason phrase to the first line of a sentence; the response must not have been started."""
        line = sentence.partition("\n")[0][:_LENGTH]
        self._phrase = _UNSENDABLE.sub("?", line).strip().encode("ascii")

    def write(self, data: bytes) -> None:
        """Write a part of the response; the first part is its head."""
        if self._phrase and (match := _STATUS_LINE.match(data)):
            data = b"HTTP/1.1 %b %b\r\n%b" % (match[1], self._phrase, data[match.end() :])
            self._phrase = b""
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    def hold(self) -> None:
        """Buffer all writes until ``release``: with TLS, each write costs a record."""
        self._held = []

    def release(self) -> None:
        """Write the buffered parts at once, and stop buffering."""
        parts, self._held = self._held, None
        if parts:
            self._transport.write(b"".join(parts))

    def is_closing(self) -> bool:
        """Whether the connection is being closed."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close the connection once everything is sent."""
        self.release()
        self._transport.close()
