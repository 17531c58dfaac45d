"""Untrusted text for terminals: control characters are escaped.

A scenario's description, a job's log or a service's message can contain escape sequences that change a terminal's
title, write its clipboard or clear its screen.
"""

import re

# C0 except tab, DEL and C1; line and paragraph separators; bidirectional marks; surrogates, which UTF-8 cannot encode.
_HIDDEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_ESCAPED_BYTE = 0xDC00  # "surrogateescape" decodes byte 0x80 as U+DC80


def printable(text: str) -> str:
    r"""Escape a line of text: each control character but tab becomes an escape such as ``\x1b``."""
    return _HIDDEN.sub(_escape, text)


def printable_lines(text: str) -> str:
    """Escape several lines, each as ``printable`` does."""
    return "\n".join(map(printable, text.replace("\r\n", "\n").split("\n")))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0x80 <= code - _ESCAPED_BYTE <= 0xFF:
        code -= _ESCAPED_BYTE
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
