"""Get User Delegation Key, which both services have."""

from datetime import datetime

from harness.emulator.context import Response
from harness.emulator.storage_service import documents, errors
from harness.emulator.storage_service.bearer import BearerAuthority
from harness.emulator.storage_service.delegation import FIRST_VERSIONS, LONGEST, DelegationKey
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.signatures import parse_time

_LIMIT = 16 << 10  # bytes of the body


class DelegationHandlers:
    """Issues user delegation keys to callers with a token."""

    def __init__(self, authority: BearerAuthority) -> None:
        self._authority = authority

    async def get_key(self, call: Call) -> Response:
        """Get User Delegation Key."""
        bearer, service = call.credential.bearer, call.target.service
        if bearer is None:
            raise errors.authentication_failed("Only authentication scheme Bearer is supported")
        if call.version < FIRST_VERSIONS[service]:
            raise errors.unsupported()
        start, expiry, tenant = _key_info(await call.request.read(_LIMIT), call.now)
        key = DelegationKey(
            call.target.account, bearer.object_id, bearer.tenant_id, start, expiry, service, call.version, tenant
        )
        fields = {
            "SignedOid": key.object_id,
            "SignedTid": key.tenant_id,
            "SignedStart": key.start,
            "SignedExpiry": key.expiry,
            "SignedService": service[0],
            "SignedVersion": key.version,
            **({"SignedDelegatedUserTid": tenant} if tenant else {}),
            "Value": self._authority.key_value(key),
        }
        inner = "".join(f"<{name}>{documents.text(value)}</{name}>" for name, value in fields.items())
        return documents.response(f"<UserDelegationKey>{inner}</UserDelegationKey>")


def _key_info(body: bytes, now: datetime) -> tuple[str, str, str]:
    """Start and expiry of the requested key, to the second, and the tenant of its users, which may be empty.

    Raises:
        StorageError: the expiry is missing, in the past, before the start, or more than seven days ahead.
    """
    element = documents.parse(body, "KeyInfo")
    begins, ends = (parse_time((element.findtext(name) or "").strip()) for name in ("Start", "Expiry"))
    if element.findtext("Start") is None:
        begins = now
    if begins is None:
        raise errors.invalid_node("Start")
    if ends is None or ends <= max(begins, now) or ends > now + LONGEST:
        raise errors.invalid_node("Expiry")
    tenant = (element.findtext("DelegatedUserTid") or "").strip()
    return f"{begins:%Y-%m-%dT%H:%M:%SZ}", f"{ends:%Y-%m-%dT%H:%M:%SZ}", tenant
