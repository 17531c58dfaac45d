"""Authorization of one storage request: account key, SAS, token or public access."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from harness.emulator.auth import Bearer
from harness.emulator.context import Request
from harness.emulator.storage_service import delegation, errors
from harness.emulator.storage_service.bearer import BearerAuthority, check_key_time
from harness.emulator.storage_service.delegation import DelegationKey
from harness.emulator.storage_service.model import Policy, Service
from harness.emulator.storage_service.sas_limits import check_caller, check_time
from harness.emulator.storage_service.signatures import (
    SNAPSHOTS,
    account_sas_text,
    matches,
    parse_http_time,
    service_sas_text,
    shared_key_lite_texts,
    shared_key_texts,
)

_SKEW = 15 * 60  # seconds by which a signed request's date may differ from the clock
_TEXTS = {"SharedKey": shared_key_texts, "SharedKeyLite": shared_key_lite_texts}
_CONTAINERS = ("s", "c")  # ``sr`` of a share and of a container
_STATES = {
    "bs": "snapshot",
    "bv": "versionid",
}  # ``sr`` of a snapshot or version of a blob, and its query parameter


@dataclass(frozen=True, slots=True)
class Target:
    """The resource that a request names.

    For blobs ``share`` is a container; an empty ``path`` means the share itself; ``snapshot`` is the snapshot's time in
    the form of the service, or empty; ``secondary`` is true at the read-only endpoint; ``version`` is that of a blob.
    """

    service: Service
    account: str
    share: str
    path: str
    snapshot: str = ""
    secondary: bool = False
    version: str = ""

    @property
    def directory_name(self) -> str:
        """The name of the share's or snapshot's directory, which is also its name in the store."""
        return f"{self.share}@{self.snapshot}" if self.snapshot else self.share


AccessLevel = Literal["", "blob", "container"]  # what anonymous requests may read: nothing, blobs by name, or all


@dataclass(frozen=True, slots=True)
class Credential:
    """The credential that authorized a request.

    ``permissions`` are the letters of a SAS. They are empty for the account key; for roles they hold the letter of tags
    if a role covers tags. ``bearer`` is the holder of the roles.
    """

    kind: Literal["account key", "account SAS", "service SAS", "role", "none"]
    permissions: str = ""
    bearer: Bearer | None = None

    @property
    def covers_account(self) -> bool:
        """Whether it is for the whole account, as the account key and roles are."""
        return self.kind in ("account key", "role")

    @property
    def covers_tags(self) -> bool:
        """Whether its holder may read and write tags in addition to the rest of the request."""
        return self.kind == "account key" or "t" in self.permissions

    @property
    def replaces(self) -> bool:
        """Whether its holder may replace existing files and blobs. A SAS that only creates is not enough."""
        return self.covers_account or "w" in self.permissions


@dataclass(frozen=True, slots=True)
class Grant:
    """The permission that an operation requires.

    Args:
        letters: permissions of a SAS, of which one suffices; empty if only the account key and roles suffice.
        kind: the resource type of an account SAS: ``s``, ``c`` or ``o``; empty if any SAS suffices.
        action: the action that a role must include.
        public: the public access of the container that permits it anonymously; empty if it needs credentials.
    """

    letters: str
    kind: str
    action: str
    public: AccessLevel = ""


Policies = Callable[[], Sequence[Policy]]


@dataclass(frozen=True, slots=True)
class AuthorizationContext:
    """The facts against which credentials are checked.

    Args:
        keys: the keys of the account.
        authority: validates tokens and user delegation keys.
        policies: reads the stored access policies of the target's share, if a SAS names one.
        version: the REST version of the request.
        public_access: reads the public access of the target's container.
    """

    keys: Sequence[str]
    authority: BearerAuthority
    policies: Policies
    now: datetime
    version: str = ""
    public_access: Callable[[], AccessLevel] = lambda: ""


def check(request: Request, target: Target, grant: Grant, context: AuthorizationContext) -> Credential:
    """Accept a request that a key, a role, a shared access signature or public access authorizes.

    Returns:
        The credential that authorized it.

    Raises:
        StorageError: the credentials are missing, wrong, expired, or do not grant the operation.
    """
    authorization = request.headers.get("authorization", "")
    is_bearer = authorization[:7].lower() == "bearer "
    if authorization and not (is_bearer and "sduoid" in request.query and "sig" in request.query):
        if is_bearer:
            return _check_role(request, target, grant, context)
        _check_key(request, target.account, authorization, keys=context.keys, now=context.now)
        return Credential("account key")
    if "sig" not in request.query:
        if grant.public and context.public_access() in (grant.public, "container"):
            return Credential("none")
        raise errors.anonymous(context.authority.challenge)
    permissions = check_sas(request.query, target, grant, context, request)
    return Credential("account SAS" if "ss" in request.query else "service SAS", permissions)


def _check_role(request: Request, target: Target, grant: Grant, context: AuthorizationContext) -> Credential:
    bearer = context.authority.admit(
        request, target.service, target.account, action=grant.action, version=context.version
    )
    if not context.keys:  # only callers with a role in the subscription may learn that the account does not exist
        raise errors.authentication_failed("The account does not exist.")
    return Credential("role", "t" if context.authority.covers_tags(bearer.object_id) else "", bearer)


def _check_key(request: Request, account: str, authorization: str, *, keys: Sequence[str], now: datetime) -> None:
    scheme, _, credential = authorization.partition(" ")
    name, colon, signature = credential.partition(":")
    if scheme not in _TEXTS or not (name and colon and signature):
        raise errors.malformed_authorization()
    if name != account:
        raise errors.authentication_failed("The Authorization header names another account.")
    date = request.headers.get("x-ms-date") or request.headers.get("date", "")
    request_time = parse_http_time(date)
    if request_time is None:
        raise errors.authentication_failed("The Date header in the request is incorrect.")
    if abs((now - request_time).total_seconds()) > _SKEW:
        raise errors.authentication_failed(f"Request date header too old: '{date}'")
    string_to_sign = ""
    for text in _TEXTS[scheme](request.method, account, raw_target=request.raw_target, headers=request.headers):
        if matches(keys, text, signature):
            return
        string_to_sign = string_to_sign or text.replace("\n", "\\n")
    raise errors.authentication_failed(
        f"The MAC signature found in the HTTP request '{signature}' is not the same as any computed signature. "
        f"Server used following string to sign: '{string_to_sign}'."
    )


def check_sas(
    query: Mapping[str, str],
    target: Target,
    grant: Grant,
    context: AuthorizationContext,
    request: Request,
    *,
    scheme: str = "",
) -> str:
    """Accept an operation that a shared access signature authorizes; returns the letters of its permissions.

    Args:
        query: the parameters of the SAS; other parameters are ignored.
        request: the request, for its address and headers.
        scheme: ``http`` or ``https``, if it differs from the request's.

    Raises:
        StorageError: the signature is wrong, expired, or does not grant the operation.
    """
    is_delegated = "skoid" in query and "ss" not in query
    key = delegation.key_of(target.account, query) if is_delegated else None
    keys: Sequence[str] = [context.authority.key_value(key)] if key else context.keys
    if "ss" in query:
        text = account_sas_text(target.account, query)
    elif key:
        text = delegation.sas_text(
            target.service, _sas_resource(query, target), _signed_parameters(query), request.headers
        )
    else:
        text = service_sas_text(target.service, _sas_resource(query, target), _signed_parameters(query))
    if not matches(keys, text, query["sig"]):
        string_to_sign = text.replace("\n", "\\n")
        raise errors.authentication_failed(f"Signature did not match. String to sign used was {string_to_sign}")
    constraints = query if "ss" in query or key else _constraints(query, context.policies)
    for name in ("se", "sp"):
        if not constraints.get(name):
            raise errors.authentication_failed(f"{name} is mandatory. Cannot be empty")
    check_time(constraints, context.now)
    check_caller(query, scheme=scheme or request.scheme, address=request.client)
    if "ss" in query:
        _check_account_scope(query, target, grant)
    else:
        _check_service_scope(query, target, grant)
    if key:
        _check_delegation(key, target, grant, context)
        if user := query.get("sduoid"):
            _check_user(user, key, target, context, request)
    if not set(grant.letters) & set(constraints["sp"]):
        raise errors.permission_mismatch()
    if key and not context.authority.covers_tags(key.object_id):
        return constraints["sp"].replace("t", "")
    return constraints["sp"]


def _check_delegation(key: DelegationKey, target: Target, grant: Grant, context: AuthorizationContext) -> None:
    """Check the user delegation key of a SAS, and the roles of the key's owner."""
    if key.service != target.service or not context.authority.is_home(key.tenant_id) or not context.keys:
        raise errors.authentication_failed("The user delegation key is not one of this account's service.")
    check_key_time(key, context.now)
    context.authority.check_role(key.object_id, grant.action)


def _check_user(user: str, key: DelegationKey, target: Target, context: AuthorizationContext, request: Request) -> None:
    """Check that a SAS for one user comes with a token of that user."""
    if not request.headers.get("authorization"):
        raise errors.anonymous(context.authority.challenge)
    bearer = context.authority.read(request, target.service, target.account)
    if bearer.object_id != user or (key.delegated_tenant and key.delegated_tenant != bearer.tenant_id):
        raise errors.authentication_failed("The shared access signature is for another user than the token's.")


def _sas_resource(query: Mapping[str, str], target: Target) -> str:
    """The resource in the string to sign of a service SAS."""
    if not query.get("sr"):
        raise errors.authentication_failed("sr is mandatory. Cannot be empty")
    path = "" if query["sr"] in _CONTAINERS or not target.path else f"/{target.path}"
    return f"/{target.account}/{target.share}{path}"


def _signed_parameters(query: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters that a service SAS signs, with the snapshot or version if the SAS is for that one alone."""
    return {**query, "snapshot": query.get(_STATES.get(query.get("sr", ""), ""), "")}


def _check_service_scope(query: Mapping[str, str], target: Target, grant: Grant) -> None:
    if grant.kind == "s" or (grant.kind == "c" and (grant.letters != "l" or query["sr"] not in _CONTAINERS)):
        # A service SAS covers the content of a share. Only a SAS of the whole share may list it.
        raise errors.permission_mismatch()
    if _covers_current_state_only(query, target.service) and (target.snapshot or target.version):
        raise errors.permission_mismatch()


def _covers_current_state_only(query: Mapping[str, str], service: Service) -> bool:
    """Whether a service SAS covers only the current state of one blob, as it does in versions that sign no ``sr``."""
    if service != "blob" or query["sr"] in _CONTAINERS:
        return False
    return query["sr"] not in _STATES or query.get("sv", "") < SNAPSHOTS


def _constraints(query: Mapping[str, str], policies: Policies) -> Mapping[str, str]:
    """Start, expiry and permissions of a service SAS: its own, or those of the policy that it names."""
    name = query.get("si")
    if not name:
        return query
    policy = next((stored for stored in policies() if stored.id == name), None)
    if policy is None:
        raise errors.authentication_failed("SAS identifier cannot be found for specified signed identifier")
    values = {"st": policy.start, "se": policy.expiry, "sp": policy.permission}
    if any(values[field] and query.get(field) for field in values):
        raise errors.authentication_failed(
            "Access policy fields can be associated with signature or SAS identifier but not both"
        )
    return {field: values[field] or query.get(field, "") for field in values}


def _check_account_scope(query: Mapping[str, str], target: Target, grant: Grant) -> None:
    if target.service[0] not in query["ss"]:
        raise errors.service_mismatch()
    if grant.kind and grant.kind not in query.get("srt", ""):
        raise errors.resource_type_mismatch()
