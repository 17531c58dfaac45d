"""How answers are written: the three envelopes of Azure, dates, etags and request ids."""

import math
import os
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from xml.sax.saxutils import escape

import msgspec

from harness.emulator.context import Request, Response

JSON = "application/json; charset=utf-8"
_EPOCH = datetime(1, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SOONEST = 0.05  # seconds that a client is asked to wait at least: to some, 0 means half a minute


def http_date(moment: datetime) -> str:
    """RFC 1123, whole seconds, cut."""
    return format_datetime(moment.replace(microsecond=0), usegmt=True)


def timestamp(moment: datetime) -> str:
    """Batch AI's form: at most three decimals, trailing zeros dropped (``04:50:12Z``, ``04:50:12.58Z``)."""
    text = f"{moment:%Y-%m-%dT%H:%M:%S}"
    decimals = f"{moment.microsecond // 1000:03}".rstrip("0")
    return f"{text}.{decimals}Z" if decimals else f"{text}Z"


def precise_timestamp(moment: datetime) -> str:
    """Storage's form: always seven decimals."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06}0Z"


def etag(moment: datetime) -> str:
    """A strong etag: .NET ticks (100 ns since the year 1) of the moment, in upper-case hexadecimal."""
    return f'"0x{(moment - _EPOCH) // _MICROSECOND * 10:X}"'


def json_response(status: int, document: object, *, headers: list[tuple[str, str]] | None = None) -> Response:
    """A JSON answer, compact, keys in the order given."""
    return Response(status, msgspec.json.encode(document), headers=[("content-type", JSON), *(headers or [])])


def arm_error(status: int, code: str, message: str, *, headers: list[tuple[str, str]] | None = None) -> Response:
    """An error of Resource Manager or of a resource provider."""
    return json_response(status, {"error": {"code": code, "message": message}}, headers=headers)


def storage_error(
    status: int, code: str, message: str, *, request_id: str, now: datetime, detail: str | None = None
) -> Response:
    """An error of the storage services: XML with a byte order mark, on one line but for the message."""
    more = f"<AuthenticationErrorDetail>{_xml(detail)}</AuthenticationErrorDetail>" if detail else ""
    text = (
        f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{_xml(message)}\n'
        f"RequestId:{request_id}\nTime:{precise_timestamp(now)}</Message>{more}</Error>"
    )
    return Response(status, text.encode(), headers=[("content-type", "application/xml"), ("x-ms-error-code", code)])


def retry_after(request: Request, seconds: float) -> tuple[str, str]:
    """The header that tells when to look again; without it clients wait half a minute.

    azure-mgmt-batchai on azure-core takes fractions; clients on msrest read whole numbers only.
    """
    seconds = max(seconds, _SOONEST)
    is_modern = request.headers.get("user-agent", "").startswith("azsdk-")
    return ("retry-after", f"{seconds:g}" if is_modern else str(max(1, math.ceil(seconds))))


def new_request_id() -> str:
    """An id for one answer: a random GUID, made at a fifth of the cost of ``uuid.uuid4``."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _xml(text: str) -> str:
    return escape(re.sub(r"[^\x09\x0a\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text))
