"""Who may do what: the credentials of one storage request, checked to the letter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.emulator.context import Request
from harness.emulator.providers.storage import errors
from harness.emulator.providers.storage.signatures import (
    account_sas_text,
    matches,
    service_sas_text,
    shared_key_lite_text,
    shared_key_text,
)

_SKEW = 15 * 60  # seconds that a signed request's date may be off


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about: ``service`` is ``file`` or ``blob``; an empty path means the share itself."""

    service: str
    account: str
    share: str
    path: str


def check(request: Request, target: Target, *, keys: Sequence[str], permission: str, now: datetime) -> None:
    """Accept a request that an account key or a shared access signature authorizes.

    Args:
        permission: the letter that a SAS must grant (``r c w d l``).

    Raises:
        StorageError: the credentials are missing, wrong, expired, or do not grant the operation.
    """
    authorization = request.headers.get("authorization")
    if authorization:
        _check_key(request, target.account, authorization, keys=keys, now=now)
    elif "sig" in request.query:
        _check_sas(request, target, keys=keys, permission=permission, now=now)
    else:
        raise errors.anonymous()


def _check_key(request: Request, account: str, authorization: str, *, keys: Sequence[str], now: datetime) -> None:
    scheme, _, credential = authorization.partition(" ")
    name, _, signature = credential.partition(":")
    texts = {"SharedKey": shared_key_text, "SharedKeyLite": shared_key_lite_text}
    if scheme not in texts or name != account:
        raise errors.authentication_failed("The Authorization header names another scheme or account.")
    date = request.headers.get("x-ms-date") or request.headers.get("date", "")
    try:
        moment = datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        raise errors.authentication_failed("The Date header in the request is incorrect.") from None
    if abs((now - moment).total_seconds()) > _SKEW:
        raise errors.authentication_failed(f"Request date header too old: '{date}'")
    text = texts[scheme](request.method, account, raw_target=request.raw_target, headers=request.headers)
    if not matches(keys, text, signature):
        raise errors.authentication_failed("The MAC signature found in the HTTP request is not the computed one.")


def _check_sas(request: Request, target: Target, *, keys: Sequence[str], permission: str, now: datetime) -> None:
    query = request.query
    if "ss" in query:
        text, covers = account_sas_text(target.account, query), _account_covers(target, query)
    else:
        resource = "/".join(["", target.service, target.account, target.share, target.path]).rstrip("/")
        if query.get("sr") in ("s", "c"):
            resource = f"/{target.service}/{target.account}/{target.share}"
        text, covers = service_sas_text(resource, query), bool(target.share)
    if not matches(keys, text, query["sig"]):
        raise errors.authentication_failed("Signature did not match.")
    if query.get("spr", "").lower() == "https" and request.scheme != "https":
        raise errors.authentication_failed("The signature allows HTTPS only.")
    if (start := query.get("st")) and _moment(start) > now:
        raise errors.authentication_failed("Signature not valid in the specified time frame")
    if _moment(query.get("se", "")) < now:
        raise errors.authentication_failed("Signature not valid in the specified time frame")
    if not covers or permission not in query.get("sp", ""):
        raise errors.permission_mismatch()


def _account_covers(target: Target, query: dict[str, str]) -> bool:
    kind = "o" if target.path else "c" if target.share else "s"
    return target.service[0] in query["ss"] and kind in query.get("srt", "")


def _moment(text: str) -> datetime:
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise errors.authentication_failed("The expiry or start of the signature is not a valid time.")
