"""The wire formats of responses: errors of Azure's services, dates and etags."""

import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from xml.sax.saxutils import escape

import msgspec

from harness.emulator.context import Request, Response

JSON = "application/json; charset=utf-8"
_EPOCH = datetime(1, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SOONEST = 0.05  # seconds, the least ``Retry-After``: some clients take 0 for half a minute


def http_date(moment: datetime) -> str:
    """An RFC 1123 date, rounded down to whole seconds."""
    return _whole_seconds(moment.replace(microsecond=0))


@lru_cache(maxsize=64)  # the responses of one second have the same dates
def _whole_seconds(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def timestamp(moment: datetime) -> str:
    """A timestamp of Batch AI: at most three decimals, without trailing zeros (``04:50:12Z``, ``04:50:12.58Z``)."""
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00").rstrip("0").rstrip(".") + "Z"


def precise_timestamp(moment: datetime) -> str:
    """A timestamp of the storage services: always seven decimals."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06}0Z"


def etag(moment: datetime) -> str:
    """A strong etag: .NET ticks (100 ns since the year 1) of the moment, in upper-case hexadecimal."""
    return f'"0x{(moment - _EPOCH) // _MICROSECOND * 10:X}"'


def json_response(status: int, document: object, *, headers: list[tuple[str, str]] | None = None) -> Response:
    """A compact JSON response; keys keep their order."""
    return Response(status, msgspec.json.encode(document), headers=[("content-type", JSON), *(headers or [])])


def arm_error(status: int, code: str, message: str, *, headers: list[tuple[str, str]] | None = None) -> Response:
    """An error of Resource Manager or of a resource provider."""
    return json_response(status, {"error": {"code": code, "message": message}}, headers=headers)


def storage_error(
    status: int, code: str, message: str, *, request_id: str, now: datetime, detail: str | None = None
) -> Response:
    """An error of the storage services: XML with a byte order mark, on one line except for the message.

    The message is also the reason phrase.
    """
    more = f"<AuthenticationErrorDetail>{_xml(detail)}</AuthenticationErrorDetail>" if detail else ""
    text = (
        f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{_xml(message)}\n'
        f"RequestId:{request_id}\nTime:{precise_timestamp(now)}</Message>{more}</Error>"
    )
    headers = [("content-type", "application/xml"), ("x-ms-error-code", code)]
    return Response(status, text.encode(), headers=headers, reason=message)


def retry_after(request: Request, seconds: float = 0) -> tuple[str, str]:
    """The ``Retry-After`` header, without which clients wait half a minute.

    azure-mgmt-batchai 7 accepts fractions; msrest, and other clients on azure-core, read only whole numbers.
    """
    seconds = max(seconds, _SOONEST)
    takes_fractions = request.headers.get("user-agent", "").startswith("azsdk-python-mgmt-batchai/")
    return ("retry-after", f"{seconds:g}" if takes_fractions else str(max(1, math.ceil(seconds))))


def _xml(text: str) -> str:
    return escape(re.sub(r"[^\x09\x0a\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text))
