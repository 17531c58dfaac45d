"""Values of queries; pure."""

_DIGITS = 18  # a number that 64 bits hold


def read_number(text: str, default: int) -> int:
    """A whole number of plain digits; the default for any other text, as for none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else default
