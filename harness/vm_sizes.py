"""Azure's VM sizes, with cores, GPUs, quota family and price: those of Batch AI, and those that Azure offers today.

Sources: "Sizes for Linux virtual machines in Azure" of 2018, of which Batch AI accepted all but Standard_A0 and those
with premium storage of the GS, DS and DSv2 series; "Virtual machine sizes in Azure" of 2025 for the others. Microsoft
retired the series NC, NCv2, ND and NV in August 2023, and NCv3 in September 2025.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VmSize:
    """A VM size, and what a node of it has.

    Attributes:
        family: the series in the name of its quota, such as ``NC`` in ``Standard NC Family Cluster Dedicated vCPUs``.
        price: USD an hour, Linux, pay as you go, East US: enough for a budget, not for a bill (setting ``vm_price``).
            None if it is not known.
    """

    name: str
    cores: int
    gpus: int
    family: str
    price: float | None


def _series(
    family: str, cores: dict[str, int], *, gpus: dict[str, int] | None = None, prices: dict[str, float] | None = None
) -> list[VmSize]:
    return [
        VmSize(f"Standard_{name}", count, (gpus or {}).get(name, 0), family, (prices or {}).get(name))
        for name, count in cores.items()
    ]


_BATCH_AI = [
    *_series("A", {"A1": 1, "A2": 2, "A3": 4, "A4": 8, "A5": 2, "A6": 4, "A7": 8, "A8": 8, "A9": 16, "A10": 8,
                   "A11": 16}),
    *_series("Av2", {"A1_v2": 1, "A2_v2": 2, "A4_v2": 4, "A8_v2": 8, "A2m_v2": 2, "A4m_v2": 4, "A8m_v2": 8}),
    *_series("D", {"D1": 1, "D2": 2, "D3": 4, "D4": 8, "D11": 2, "D12": 4, "D13": 8, "D14": 16},
             prices={"D1": 0.077, "D2": 0.154, "D3": 0.308, "D4": 0.616}),
    *_series("Dv2", {"D1_v2": 1, "D2_v2": 2, "D3_v2": 4, "D4_v2": 8, "D5_v2": 16, "D11_v2": 2, "D12_v2": 4,
                     "D13_v2": 8, "D14_v2": 16, "D15_v2": 20},
             prices={"D1_v2": 0.073, "D2_v2": 0.146, "D3_v2": 0.293, "D4_v2": 0.585, "D5_v2": 1.17}),
    *_series("Dv3", {"D2_v3": 2, "D4_v3": 4, "D8_v3": 8, "D16_v3": 16, "D32_v3": 32, "D64_v3": 64},
             prices={"D2_v3": 0.096, "D4_v3": 0.192, "D8_v3": 0.384, "D16_v3": 0.768, "D32_v3": 1.536,
                     "D64_v3": 3.072}),
    *_series("DSv3", {"D2s_v3": 2, "D4s_v3": 4, "D8s_v3": 8, "D16s_v3": 16, "D32s_v3": 32, "D64s_v3": 64},
             prices={"D2s_v3": 0.096, "D4s_v3": 0.192, "D8s_v3": 0.384, "D16s_v3": 0.768, "D32s_v3": 1.536,
                     "D64s_v3": 3.072}),
    *_series("Ev3", {"E2_v3": 2, "E4_v3": 4, "E8_v3": 8, "E16_v3": 16, "E32_v3": 32, "E64_v3": 64}),
    *_series("ESv3", {"E2s_v3": 2, "E4s_v3": 4, "E8s_v3": 8, "E16s_v3": 16, "E32s_v3": 32, "E64s_v3": 64}),
    *_series("F", {"F1": 1, "F2": 2, "F4": 4, "F8": 8, "F16": 16}),
    *_series("FSv2", {"F2s_v2": 2, "F4s_v2": 4, "F8s_v2": 8, "F16s_v2": 16, "F32s_v2": 32, "F64s_v2": 64,
                      "F72s_v2": 72}),
    *_series("G", {"G1": 2, "G2": 4, "G3": 8, "G4": 16, "G5": 32}),
    *_series("H", {"H8": 8, "H16": 16, "H8m": 8, "H16m": 16, "H16r": 16, "H16mr": 16}),
    *_series("NC", {"NC6": 6, "NC12": 12, "NC24": 24, "NC24r": 24},
             gpus={"NC6": 1, "NC12": 2, "NC24": 4, "NC24r": 4},
             prices={"NC6": 0.90, "NC12": 1.80, "NC24": 3.60, "NC24r": 3.96}),
    *_series("NCv2", {"NC6s_v2": 6, "NC12s_v2": 12, "NC24s_v2": 24, "NC24rs_v2": 24},
             gpus={"NC6s_v2": 1, "NC12s_v2": 2, "NC24s_v2": 4, "NC24rs_v2": 4},
             prices={"NC6s_v2": 2.07, "NC12s_v2": 4.14, "NC24s_v2": 8.28, "NC24rs_v2": 9.108}),
    *_series("NCv3", {"NC6s_v3": 6, "NC12s_v3": 12, "NC24s_v3": 24, "NC24rs_v3": 24},
             gpus={"NC6s_v3": 1, "NC12s_v3": 2, "NC24s_v3": 4, "NC24rs_v3": 4},
             prices={"NC6s_v3": 3.06, "NC12s_v3": 6.12, "NC24s_v3": 12.24, "NC24rs_v3": 13.464}),
    *_series("ND", {"ND6s": 6, "ND12s": 12, "ND24s": 24, "ND24rs": 24},
             gpus={"ND6s": 1, "ND12s": 2, "ND24s": 4, "ND24rs": 4},
             prices={"ND6s": 2.07, "ND12s": 4.14, "ND24s": 8.28, "ND24rs": 9.108}),
    *_series("NV", {"NV6": 6, "NV12": 12, "NV24": 24}, gpus={"NV6": 1, "NV12": 2, "NV24": 4},
             prices={"NV6": 1.14, "NV12": 2.28, "NV24": 4.56}),
]  # fmt: skip
_LATER = [
    *_series("DSv2", {"DS1_v2": 1, "DS2_v2": 2, "DS3_v2": 4, "DS4_v2": 8, "DS5_v2": 16, "DS11_v2": 2, "DS12_v2": 4,
                      "DS13_v2": 8, "DS14_v2": 16},
             prices={"DS1_v2": 0.073, "DS2_v2": 0.146, "DS3_v2": 0.293, "DS4_v2": 0.585, "DS5_v2": 1.17,
                     "DS11_v2": 0.185, "DS12_v2": 0.37, "DS13_v2": 0.741, "DS14_v2": 1.482}),
    *_series("DASv4", {"D2as_v4": 2, "D4as_v4": 4, "D8as_v4": 8, "D16as_v4": 16, "D32as_v4": 32},
             prices={"D2as_v4": 0.096, "D4as_v4": 0.192, "D8as_v4": 0.384, "D16as_v4": 0.768, "D32as_v4": 1.536}),
    *_series("NCASv3_T4", {"NC4as_T4_v3": 4, "NC8as_T4_v3": 8, "NC16as_T4_v3": 16, "NC64as_T4_v3": 64},
             gpus={"NC4as_T4_v3": 1, "NC8as_T4_v3": 1, "NC16as_T4_v3": 1, "NC64as_T4_v3": 4},
             prices={"NC4as_T4_v3": 0.526, "NC8as_T4_v3": 0.752, "NC16as_T4_v3": 1.204, "NC64as_T4_v3": 4.352}),
    *_series("NCADSA100v4", {"NC24ads_A100_v4": 24, "NC48ads_A100_v4": 48, "NC96ads_A100_v4": 96},
             gpus={"NC24ads_A100_v4": 1, "NC48ads_A100_v4": 2, "NC96ads_A100_v4": 4},
             prices={"NC24ads_A100_v4": 3.673, "NC48ads_A100_v4": 7.346, "NC96ads_A100_v4": 14.692}),
    *_series("NCADSH100v5", {"NC40ads_H100_v5": 40, "NC80adis_H100_v5": 80},
             gpus={"NC40ads_H100_v5": 1, "NC80adis_H100_v5": 2},
             prices={"NC40ads_H100_v5": 6.98, "NC80adis_H100_v5": 13.96}),
    *_series("NDSv2", {"ND40rs_v2": 40}, gpus={"ND40rs_v2": 8}, prices={"ND40rs_v2": 22.032}),
    *_series("NDASv4_A100", {"ND96asr_v4": 96}, gpus={"ND96asr_v4": 8}, prices={"ND96asr_v4": 27.197}),
]  # fmt: skip
_BY_NAME = {size.name.lower(): size for size in (*_BATCH_AI, *_LATER)}


def vm_size(name: str) -> VmSize | None:
    """Return the size of a name, ignoring case; None if it is not known."""
    return _BY_NAME.get(name.lower())


def vm_size_names() -> tuple[str, ...]:
    """Return the names of all known sizes."""
    return tuple(size.name for size in _BY_NAME.values())
