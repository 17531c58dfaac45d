"""What makes two recordings mean something else, and what does not."""

import pytest

from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from tests.fidelity.meaning import unlike

MANAGEMENT = "https://management.azure.com/subscriptions/00000000-0000-0000-0000-000000000000"
JOBS = f"{MANAGEMENT}/resourceGroups/g/jobs"
LOG = "https://harnessstorage.file.core.windows.net/s/stdout.txt"
GUIDS = ("1df5665c-3cfd-4368-b85f-e60f693d0c42", "2df5665c-3cfd-4368-b85f-e60f693d0c42")


def asked(method: str, uri: str, status: int = 200, body: str = "", **headers: str) -> Interaction:
    return Interaction(RecordedRequest(method, uri), RecordedResponse(status, "", headers, body.encode()))


RECORDED = [
    asked("PUT", f"{JOBS}/j", 201, '{"status": "Starting"}'),
    asked("GET", JOBS, body='{"status": "Queued"}'),
    asked("GET", JOBS, body='{"status": "Completed"}'),
    asked("DELETE", f"{JOBS}/j", 202),
]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (RECORDED[:3], f"DELETE {JOBS}/j was recorded, nothing sent"),
        (RECORDED[::-1], f"PUT {JOBS}/j was recorded, DELETE {JOBS}/j sent"),
        ([RECORDED[0], RECORDED[3]], f"GET {JOBS} was recorded, and not sent"),
        ([*RECORDED, asked("GET", f"{JOBS}/j")], f"GET {JOBS}/j was sent, and not recorded"),
        ([RECORDED[0], RECORDED[1], RECORDED[3]], f"GET {JOBS}: body.status: 'Completed' was recorded, 'Queued' given"),
        ([asked("PUT", f"{JOBS}/j", 200), *RECORDED[1:]], f"PUT {JOBS}/j: status: 201 was recorded, 200 given"),
    ],
)
def test_another_write_another_end_and_another_request_are_told(given: list[Interaction], told: str) -> None:
    assert list(unlike(RECORDED, given)) == [told]


@pytest.mark.parametrize(
    "given",
    [
        [RECORDED[0], RECORDED[2], RECORDED[3]],
        [RECORDED[0], asked("GET", JOBS, body='{"status": "Preparing"}'), *RECORDED[1:]],
        [*RECORDED, asked("POST", f"{MANAGEMENT}/providers/Microsoft.BatchAI/register?api-version=1")],
        [*RECORDED, asked("HEAD", LOG)],
    ],
)
def test_how_often_and_when_it_was_looked_means_nothing(given: list[Interaction]) -> None:
    assert list(unlike(RECORDED, given)) == []


def test_what_nobody_can_foresee_means_nothing() -> None:
    one, other = (
        [
            asked("PUT", f"{JOBS}/j", 202, location=f"{MANAGEMENT}/operations/{guid}"),
            asked(
                "GET", f"{MANAGEMENT}/operations/{guid}", body=f'{{"at": "2026-11-30T02:52:{number}.0325570+00:00"}}'
            ),
            asked("GET", LOG, body=f"loss = 0.00{number}\nloaded in 1.{number} s\n"),
        ]
        for number, guid in zip((11, 12), GUIDS, strict=True)
    )
    assert list(unlike(one, other)) == []


def test_another_text_of_a_file_is_told() -> None:
    one, other = ([asked("GET", LOG, body=text)] for text in ("words = 9\n", "words = 8\n"))
    assert list(unlike(one, other)) == [f"GET {LOG}: body: 'words = 9\\n' was recorded, 'words = 8\\n' given"]
