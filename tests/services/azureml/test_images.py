"""The replacements of images that no longer exist."""

import pytest

from harness.services.azureml.images import PYTORCH, TENSORFLOW, available_image, environment_version


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (None, PYTORCH),
        ("microsoft/cntk:2.1-gpu-python3.5-cuda8.0-cudnn6.0", PYTORCH),
        ("tensorflow/tensorflow:1.8.0-gpu", TENSORFLOW),
        ("tensorflow/tensorflow:2.16.1-gpu", "tensorflow/tensorflow:2.16.1-gpu"),
        ("mcr.microsoft.com/mine:1", "mcr.microsoft.com/mine:1"),
    ],
)
def test_a_deleted_image_has_an_available_replacement(image: str | None, expected: str) -> None:
    assert available_image(image, {}) == expected


def test_the_setting_wins() -> None:
    overrides = {"microsoft/cntk:*": "mcr.microsoft.com/cntk/release:2.7-cpu-python3.5", "": "own/default:1"}
    assert available_image("microsoft/cntk:2.1", overrides) == "mcr.microsoft.com/cntk/release:2.7-cpu-python3.5"
    assert available_image(None, overrides) == "own/default:1"


def test_an_environment_is_named_by_what_is_in_it() -> None:
    assert environment_version("a", None) == environment_version("a", None)
    assert len({environment_version("a", None), environment_version("b", None), environment_version("a", "c")}) == 3
