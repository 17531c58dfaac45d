"""VM sizes of 2018, and the nearest sizes that Azure still offers. Pure.

Source: Microsoft's retirement notices. The series NC, NCv2, ND and NV ended on 31 August 2023, NCv3 on 30 September
2025; of the series A, D and others of 2018 the service offers their successors.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_T4, _T4_FOUR, _A100_EIGHT = "Standard_NC4as_T4_v3", "Standard_NC64as_T4_v3", "Standard_ND96asr_v4"
_EARLY, _LATE = "retired on 31 August 2023", "retired on 30 September 2025"
_OLD = "no longer offered for computes"


@dataclass(frozen=True, slots=True)
class Replacement:
    """The size that replaces another one, and the reason."""

    size: str
    reason: str


def _replacements(names: str, size: str, reason: str) -> dict[str, Replacement]:
    return {f"standard_{name}".lower(): Replacement(size, reason) for name in names.split()}


_REPLACED: Mapping[str, Replacement] = {
    **_replacements("NC6 NC6s_v2 ND6s NV6", _T4, _EARLY),
    **_replacements("NC12 NC24 NC12s_v2 NC24s_v2 ND12s ND24s NV12 NV24", _T4_FOUR, _EARLY),
    **_replacements("NC24r NC24rs_v2 ND24rs", _A100_EIGHT, _EARLY),
    **_replacements("NC6s_v3", _T4, _LATE),
    **_replacements("NC12s_v3 NC24s_v3", _T4_FOUR, _LATE),
    **_replacements("NC24rs_v3", _A100_EIGHT, _LATE),
    **_replacements("A1 A2 A1_v2 A2_v2 A2m_v2 D1 D2 D11 D1_v2 D2_v2 D11_v2 F1 F2", "Standard_D2as_v4", _OLD),
    **_replacements("A3 A4 A5 A6 A4_v2 A4m_v2 D3 D12 D3_v2 D12_v2 F4", "Standard_DS3_v2", _OLD),
    **_replacements("A7 A8 A10 A8_v2 A8m_v2 D4 D13 D4_v2 D13_v2 F8", "Standard_DS4_v2", _OLD),
    **_replacements("A9 A11 D14 D5_v2 D14_v2 F16", "Standard_DS5_v2", _OLD),
}


def replacement(size: str) -> Replacement | None:
    """The replacement of a size; None if the size is available, as far as the harness knows."""
    return _REPLACED.get(size.lower())


def available_size(size: str) -> str:
    """An available size: the size itself, or the one that replaces it."""
    substitute = replacement(size)
    return substitute.size if substitute else size
