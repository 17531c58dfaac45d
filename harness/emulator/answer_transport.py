"""What an answer is written to: with the service's own reason phrase, and as few writes as it needs.

Azure's services put the sentence of a refusal into the reason phrase, uvicorn only the standard's words. A client that
gets no body, as after HEAD, has nothing else to show its user.
"""

import asyncio
import re

_LENGTH = 500  # characters of a phrase
_UNSENDABLE = re.compile(r"[^\x20-\x7e]+", re.ASCII)
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2}) [^\r]*\r\n")  # but not that of an interim answer


class AnswerTransport:
    """What one answer is written to: its connection, and the phrase that the answer has, if it is not the usual one.

    Args:
        transport: of the connection.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._phrase = b""
        self._held: list[bytes] | None = None

    def set_phrase(self, sentence: str) -> None:
        """Give the answer, which is not begun yet, a phrase: the first line of a sentence."""
        line = sentence.partition("\n")[0][:_LENGTH]
        self._phrase = _UNSENDABLE.sub("?", line).strip().encode("ascii")

    def write(self, data: bytes) -> None:
        """Write a part of the answer; the first is its head."""
        if self._phrase and (match := _STATUS_LINE.match(data)):
            data = b"HTTP/1.1 %b %b\r\n%b" % (match[1], self._phrase, data[match.end() :])
            self._phrase = b""
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    def hold(self) -> None:
        """Keep what is written until ``release``, which writes it at once: with TLS, each write costs a record."""
        self._held = []

    def release(self) -> None:
        """Write what was held, and hold nothing more."""
        held, self._held = self._held, None
        if held:
            self._transport.write(b"".join(held))

    def is_closing(self) -> bool:
        """Whether the connection is being closed."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close the connection once everything is sent."""
        self.release()
        self._transport.close()
