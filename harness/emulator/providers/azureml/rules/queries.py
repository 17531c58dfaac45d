"""Values of query parameters; pure."""

_DIGITS = 18  # digits of numbers that fit 64 bits


def read_number(text: str, default: int) -> int:
    """A non-negative integer in ASCII digits; the default for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else default
