"""Time spans of job constraints: ISO 8601 (``P7D``, ``PT2H``) or .NET's (``7.00:00:00``); pure."""

import re

_ISO = re.compile(
    r"P(?=.)(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,9})?)S)?)?"
)
_NET = re.compile(r"(?:(?P<days>\d{1,5})\.)?(?P<hours>\d{1,2}):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d{1,7})?)")
_UNITS = {"weeks": 604_800, "days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}


def seconds(text: str) -> float | None:
    """The length of a time span; None if the text is not a time span."""
    match = _ISO.fullmatch(text) or _NET.fullmatch(text)
    if match is None:
        return None
    return sum(float(value) * _UNITS[unit] for unit, value in match.groupdict().items() if value)
