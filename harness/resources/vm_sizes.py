"""Batch AI's VM sizes: cores, quota family and price."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VmSize:
    """A size of node.

    Attributes:
        family: the word that quotas are counted under: ``Standard NC Family Cluster Dedicated vCPUs``.
        price: USD an hour.
    """

    name: str
    cores: int
    family: str
    price: float


# Linux, pay as you go, East US, as of Batch AI's last year: enough for a ceiling, not for a bill (setting vm_price).
_SIZES = (
    VmSize("STANDARD_D1", 1, "D", 0.077),
    VmSize("STANDARD_D2", 2, "D", 0.154),
    VmSize("STANDARD_D3", 4, "D", 0.308),
    VmSize("STANDARD_D4", 8, "D", 0.616),
    VmSize("STANDARD_D1_V2", 1, "Dv2", 0.073),
    VmSize("STANDARD_D2_V2", 2, "Dv2", 0.146),
    VmSize("STANDARD_D3_V2", 4, "Dv2", 0.293),
    VmSize("STANDARD_D4_V2", 8, "Dv2", 0.585),
    VmSize("STANDARD_D5_V2", 16, "Dv2", 1.17),
    VmSize("STANDARD_NC6", 6, "NC", 0.90),
    VmSize("STANDARD_NC12", 12, "NC", 1.80),
    VmSize("STANDARD_NC24", 24, "NC", 3.60),
    VmSize("STANDARD_NC24R", 24, "NC", 3.96),
    VmSize("STANDARD_NC6S_V2", 6, "NCv2", 2.07),
    VmSize("STANDARD_NC12S_V2", 12, "NCv2", 4.14),
    VmSize("STANDARD_NC24S_V2", 24, "NCv2", 8.28),
    VmSize("STANDARD_NC24RS_V2", 24, "NCv2", 9.108),
    VmSize("STANDARD_NC6S_V3", 6, "NCv3", 3.06),
    VmSize("STANDARD_NC12S_V3", 12, "NCv3", 6.12),
    VmSize("STANDARD_NC24S_V3", 24, "NCv3", 12.24),
    VmSize("STANDARD_NC24RS_V3", 24, "NCv3", 13.464),
    VmSize("STANDARD_ND6S", 6, "ND", 2.07),
    VmSize("STANDARD_ND12S", 12, "ND", 4.14),
    VmSize("STANDARD_ND24S", 24, "ND", 8.28),
    VmSize("STANDARD_ND24RS", 24, "ND", 9.108),
    VmSize("STANDARD_NV6", 6, "NV", 1.14),
    VmSize("STANDARD_NV12", 12, "NV", 2.28),
    VmSize("STANDARD_NV24", 24, "NV", 4.56),
)
_BY_NAME = {size.name: size for size in _SIZES}


def vm_size(name: str) -> VmSize | None:
    """The size of that name, in any casing; None where it is not known."""
    return _BY_NAME.get(name.upper())
