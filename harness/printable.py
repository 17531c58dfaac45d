"""Text that others wrote, as a terminal may show it: control characters are displayed, never sent.

A scenario's description, a job's log or a service's message can hold escape sequences that change a terminal's title,
write its clipboard or clear its screen.
"""

import re

# C0 but tab, DEL and C1; line and paragraph separators; marks that reorder a line; surrogates, which UTF-8 cannot hold.
_HIDDEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_ESCAPED_BYTE = 0xDC00  # "surrogateescape" stands for byte 0x80 with U+DC80


def printable(text: str) -> str:
    r"""One line of text: each control character but tab becomes its escape, such as ``\x1b``."""
    return _HIDDEN.sub(_escape, text)


def printable_lines(text: str) -> str:
    """Several lines, each as ``printable`` shows it."""
    return "\n".join(map(printable, text.replace("\r\n", "\n").split("\n")))


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0x80 <= code - _ESCAPED_BYTE <= 0xFF:
        code -= _ESCAPED_BYTE
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
