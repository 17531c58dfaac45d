"""The differences between two recordings that count, and those that do not."""

import pytest

from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from tests.fidelity.recordings import compare_recordings

MANAGEMENT = "https://management.azure.com/subscriptions/00000000-0000-0000-0000-000000000000"
JOBS = f"{MANAGEMENT}/resourceGroups/g/jobs"
LOG = "https://harnessstorage.file.core.windows.net/s/stdout.txt"
GUIDS = ("1df5665c-3cfd-4368-b85f-e60f693d0c42", "2df5665c-3cfd-4368-b85f-e60f693d0c42")


def interaction(method: str, uri: str, status: int = 200, body: str = "", **headers: str) -> Interaction:
    return Interaction(RecordedRequest(method, uri), RecordedResponse(status, "", headers, body.encode()))


RECORDED = [
    interaction("PUT", f"{JOBS}/j", 201, '{"status": "Starting"}'),
    interaction("GET", JOBS, body='{"status": "Queued"}'),
    interaction("GET", JOBS, body='{"status": "Completed"}'),
    interaction("DELETE", f"{JOBS}/j", 202),
]


@pytest.mark.parametrize(
    ("actual", "difference"),
    [
        (RECORDED[:3], f"DELETE {JOBS}/j was recorded, nothing sent"),
        (RECORDED[::-1], f"PUT {JOBS}/j was recorded, DELETE {JOBS}/j sent"),
        ([RECORDED[0], RECORDED[3]], f"GET {JOBS} was recorded, and not sent"),
        ([*RECORDED, interaction("GET", f"{JOBS}/j")], f"GET {JOBS}/j was sent, and not recorded"),
        (
            [RECORDED[0], RECORDED[1], RECORDED[3]],
            f"GET {JOBS}: body.status: 'Completed' was recorded, 'Queued' received",
        ),
        (
            [interaction("PUT", f"{JOBS}/j", 200), *RECORDED[1:]],
            f"PUT {JOBS}/j: status: 201 was recorded, 200 received",
        ),
    ],
)
def test_another_write_another_end_and_another_request_are_reported(actual: list[Interaction], difference: str) -> None:
    assert list(compare_recordings(RECORDED, actual)) == [difference]


@pytest.mark.parametrize(
    "actual",
    [
        [RECORDED[0], RECORDED[2], RECORDED[3]],
        [RECORDED[0], interaction("GET", JOBS, body='{"status": "Preparing"}'), *RECORDED[1:]],
        [*RECORDED, interaction("POST", f"{MANAGEMENT}/providers/Microsoft.BatchAI/register?api-version=1")],
        [*RECORDED, interaction("HEAD", LOG)],
    ],
)
def test_the_number_and_the_times_of_polls_mean_nothing(actual: list[Interaction]) -> None:
    assert list(compare_recordings(RECORDED, actual)) == []


def test_values_that_differ_between_runs_mean_nothing() -> None:
    first, second = (
        [
            interaction("PUT", f"{JOBS}/j", 202, location=f"{MANAGEMENT}/operations/{guid}"),
            interaction(
                "GET", f"{MANAGEMENT}/operations/{guid}", body=f'{{"at": "2026-11-30T02:52:{number}.0325570+00:00"}}'
            ),
            interaction("GET", LOG, body=f"loss = 0.00{number}\nloaded in 1.{number} s\n"),
        ]
        for number, guid in zip((11, 12), GUIDS, strict=True)
    )
    assert list(compare_recordings(first, second)) == []


def test_another_text_of_a_file_is_reported() -> None:
    first, second = ([interaction("GET", LOG, body=text)] for text in ("words = 9\n", "words = 8\n"))
    difference = f"GET {LOG}: body: 'words = 9\\n' was recorded, 'words = 8\\n' received"
    assert list(compare_recordings(first, second)) == [difference]
