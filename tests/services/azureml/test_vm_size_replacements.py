"""What is used instead of VM sizes that Azure no longer has."""

import pytest

from harness.services.azureml.vm_size_replacements import available_size, replacement
from harness.vm_sizes import vm_size, vm_size_names


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("STANDARD_NC6", "Standard_NC4as_T4_v3"),
        ("standard_nc24r", "Standard_ND96asr_v4"),
        ("STANDARD_NC12", "Standard_NC64as_T4_v3"),
        ("Standard_D1", "Standard_D2as_v4"),
        ("Standard_NC24ads_A100_v4", "Standard_NC24ads_A100_v4"),
        ("Standard_of_tomorrow", "Standard_of_tomorrow"),
    ],
)
def test_a_size_that_is_gone_has_a_living_one(asked: str, given: str) -> None:
    assert available_size(asked) == given


def test_every_replacement_is_known_is_not_replaced_itself_and_has_no_fewer_gpus() -> None:
    for name in vm_size_names():
        size, found = vm_size(name), replacement(name)
        if size is None or found is None:
            continue
        living = vm_size(found.size)
        assert living is not None
        assert replacement(found.size) is None
        assert living.gpus >= size.gpus
        assert living.price is not None
