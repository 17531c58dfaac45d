"""The replacements of VM sizes that Azure no longer offers."""

import pytest

from harness.services.azureml.vm_size_replacements import available_size, replacement
from harness.vm_sizes import vm_size, vm_size_names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("STANDARD_NC6", "Standard_NC4as_T4_v3"),
        ("standard_nc24r", "Standard_ND96asr_v4"),
        ("STANDARD_NC12", "Standard_NC64as_T4_v3"),
        ("Standard_D1", "Standard_D2as_v4"),
        ("Standard_NC24ads_A100_v4", "Standard_NC24ads_A100_v4"),
        ("Standard_of_tomorrow", "Standard_of_tomorrow"),
    ],
)
def test_a_retired_size_has_an_available_replacement(name: str, expected: str) -> None:
    assert available_size(name) == expected


def test_every_replacement_is_known_is_not_replaced_itself_and_has_no_fewer_gpus() -> None:
    for name in vm_size_names():
        size, substitute = vm_size(name), replacement(name)
        if size is None or substitute is None:
            continue
        available = vm_size(substitute.size)
        assert available is not None
        assert replacement(substitute.size) is None
        assert available.gpus >= size.gpus
        assert available.price is not None
