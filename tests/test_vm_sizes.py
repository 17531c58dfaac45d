"""The table of VM sizes."""

import pytest

from harness.vm_sizes import vm_size, vm_size_names


def test_a_name_is_found_in_any_casing() -> None:
    assert vm_size("STANDARD_NC6S_V3") is vm_size("Standard_NC6s_v3")
    assert vm_size("Standard_NC6x") is None


@pytest.mark.parametrize(
    ("name", "cores", "gpus", "family"),
    [
        ("STANDARD_NC6", 6, 1, "NC"),
        ("STANDARD_D1_V2", 1, 0, "Dv2"),
        ("Standard_NC4as_T4_v3", 4, 1, "NCASv3_T4"),
        ("Standard_NC24ads_A100_v4", 24, 1, "NCADSA100v4"),
        ("Standard_NC40ads_H100_v5", 40, 1, "NCADSH100v5"),
        ("Standard_ND96asr_v4", 96, 8, "NDASv4_A100"),
        ("Standard_DS3_v2", 4, 0, "DSv2"),
        ("Standard_D2as_v4", 2, 0, "DASv4"),
    ],
)
def test_sizes_of_batch_ai_and_of_today_are_known(name: str, cores: int, gpus: int, family: str) -> None:
    size = vm_size(name)
    assert size is not None
    assert (size.cores, size.gpus, size.family) == (cores, gpus, family)


def test_every_size_with_a_gpu_has_a_price() -> None:
    sizes = [size for name in vm_size_names() if (size := vm_size(name)) is not None and size.gpus]
    assert len(sizes) > 20
    assert [size.name for size in sizes if size.price is None] == []


def test_no_size_is_listed_twice() -> None:
    names = [name.lower() for name in vm_size_names()]
    assert len(set(names)) == len(names)
