"""The pauses of the client between two polls of an operation."""

import pytest

from harness.services.azureml.rest_client import pause_before


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 5),
        ({"Retry-After": "7"}, 7),
        ({"x-ms-retry-after-ms": "1500", "Retry-After": "7"}, 1.5),
        ({"Retry-After": "0"}, 5),
        ({"Retry-After": "-1"}, 5),
        ({"Retry-After": "nan"}, 5),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 5),
        ({"Retry-After": "inf"}, 60),
        ({"Retry-After": "86400"}, 60),
    ],
)
def test_a_service_cannot_have_a_look_wait_beyond_its_deadline(headers: dict[str, str], seconds: float) -> None:
    assert pause_before(headers, 5, most=60) == seconds
    assert pause_before(headers, 5, most=1) == 1
