"""VM sizes: cores, GPUs and the family that quotas count.

Source: "Sizes for Linux virtual machines in Azure" as of 2018; the service took all but Standard_A0 and those with
premium storage of the GS, DS and DSv2 series.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VmSize:
    """What a node of a size has."""

    name: str
    cores: int
    gpus: int
    family: str


def _series(family: str, cores: dict[str, int], gpus: dict[str, int] | None = None) -> list[VmSize]:
    return [VmSize(f"Standard_{name}", count, (gpus or {}).get(name, 0), family) for name, count in cores.items()]


_ALL = [
    *_series("A", {"A1": 1, "A2": 2, "A3": 4, "A4": 8, "A5": 2, "A6": 4, "A7": 8, "A8": 8, "A9": 16, "A10": 8,
                   "A11": 16}),
    *_series("Av2", {"A1_v2": 1, "A2_v2": 2, "A4_v2": 4, "A8_v2": 8, "A2m_v2": 2, "A4m_v2": 4, "A8m_v2": 8}),
    *_series("D", {"D1": 1, "D2": 2, "D3": 4, "D4": 8, "D11": 2, "D12": 4, "D13": 8, "D14": 16}),
    *_series("Dv2", {"D1_v2": 1, "D2_v2": 2, "D3_v2": 4, "D4_v2": 8, "D5_v2": 16, "D11_v2": 2, "D12_v2": 4,
                     "D13_v2": 8, "D14_v2": 16, "D15_v2": 20}),
    *_series("Dv3", {"D2_v3": 2, "D4_v3": 4, "D8_v3": 8, "D16_v3": 16, "D32_v3": 32, "D64_v3": 64}),
    *_series("DSv3", {"D2s_v3": 2, "D4s_v3": 4, "D8s_v3": 8, "D16s_v3": 16, "D32s_v3": 32, "D64s_v3": 64}),
    *_series("Ev3", {"E2_v3": 2, "E4_v3": 4, "E8_v3": 8, "E16_v3": 16, "E32_v3": 32, "E64_v3": 64}),
    *_series("ESv3", {"E2s_v3": 2, "E4s_v3": 4, "E8s_v3": 8, "E16s_v3": 16, "E32s_v3": 32, "E64s_v3": 64}),
    *_series("F", {"F1": 1, "F2": 2, "F4": 4, "F8": 8, "F16": 16}),
    *_series("FSv2", {"F2s_v2": 2, "F4s_v2": 4, "F8s_v2": 8, "F16s_v2": 16, "F32s_v2": 32, "F64s_v2": 64,
                      "F72s_v2": 72}),
    *_series("G", {"G1": 2, "G2": 4, "G3": 8, "G4": 16, "G5": 32}),
    *_series("H", {"H8": 8, "H16": 16, "H8m": 8, "H16m": 16, "H16r": 16, "H16mr": 16}),
    *_series("NC", {"NC6": 6, "NC12": 12, "NC24": 24, "NC24r": 24}, {"NC6": 1, "NC12": 2, "NC24": 4, "NC24r": 4}),
    *_series("NCv2", {"NC6s_v2": 6, "NC12s_v2": 12, "NC24s_v2": 24, "NC24rs_v2": 24},
             {"NC6s_v2": 1, "NC12s_v2": 2, "NC24s_v2": 4, "NC24rs_v2": 4}),
    *_series("NCv3", {"NC6s_v3": 6, "NC12s_v3": 12, "NC24s_v3": 24, "NC24rs_v3": 24},
             {"NC6s_v3": 1, "NC12s_v3": 2, "NC24s_v3": 4, "NC24rs_v3": 4}),
    *_series("ND", {"ND6s": 6, "ND12s": 12, "ND24s": 24, "ND24rs": 24},
             {"ND6s": 1, "ND12s": 2, "ND24s": 4, "ND24rs": 4}),
    *_series("NV", {"NV6": 6, "NV12": 12, "NV24": 24}, {"NV6": 1, "NV12": 2, "NV24": 4}),
]  # fmt: skip
SIZES = {size.name.lower(): size for size in _ALL}


def vm_size(name: str) -> VmSize | None:
    """The size of that name, in any casing; None if there is none."""
    return SIZES.get(name.lower())
