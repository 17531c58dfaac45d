"""Bearer tokens: signed like those of Azure Active Directory, and checked on every request that carries one."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import jwt
from jwt.algorithms import RSAAlgorithm

from harness.clock import Clock
from harness.emulator.guids import new_guid
from harness.emulator.identity import Application, Identity, object_id, signing_key
from harness.emulator.roles import manages

LIFETIME = timedelta(seconds=3599)  # as of Azure Active Directory's client credentials tokens
AUDIENCES = (
    "https://management.core.windows.net/",
    "https://management.azure.com/",
    "https://management.azure.com",
)
STORAGE_AUDIENCE = "https://storage.azure.com"
KEY_ID = "emulator"
_ACCOUNT_AUDIENCE = re.compile(r"https://[a-z0-9]{3,24}\.(blob|file)\.core\.windows\.net", re.ASCII)
_SKEW = timedelta(minutes=5)  # the clock skew that Azure allows between the issuer of a token and itself


class InvalidTokenError(Exception):
    """The token is missing, malformed, expired, or for another audience; the text says which."""


class NotYetValidError(InvalidTokenError):
    """The token is not valid yet."""


class WrongAudienceError(InvalidTokenError):
    """The token is for another resource."""


class WrongIssuerError(InvalidTokenError):
    """The token is from another tenant."""


class NoRoleError(InvalidTokenError):
    """The token is valid, but no role of its application permits the requested action."""


class Bearer(NamedTuple):
    """The claims of a valid token about its bearer."""

    audience: str
    client_id: str
    object_id: str
    tenant_id: str
    begins: datetime
    ends: datetime


class ExpiredTokenError(InvalidTokenError):
    """The token has expired.

    Attributes:
        revoked: the claims of the token if it was revoked before its time; otherwise None.
    """

    def __init__(self, until: datetime, now: datetime, *, revoked: Bearer | None = None) -> None:
        expiry, current = _sentence_time(until), _sentence_time(now)
        super().__init__(f"The access token expiry UTC time '{expiry}' is earlier than current UTC time '{current}'.")
        self.revoked = revoked


class Tokens:
    """Signs and verifies the tokens of one identity."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock
        self._private = signing_key(identity)
        self._public = self._private.public_key()
        self._issuer = issuer_of(identity.tenant_id)
        self._roles = {application.client_id: application.roles for application in identity.all_applications}
        self._verified: dict[str, Bearer] = {}
        self._revoked: dict[str, tuple[datetime, Bearer]] = {}  # token to the time of revocation and the claims

    def issue(self, audience: str, application: Application | None = None, tenant: str = "") -> str:
        """A signed token for one audience, valid for an hour.

        Args:
            application: the application that signs in; by default the first one.
            tenant: the tenant that it signs in to; by default that of the identity.
        """
        now = self._clock.now()
        tenant = tenant or self._identity.tenant_id
        client_id = application.client_id if application else self._identity.client_id
        claims = {
            "aud": audience,
            "iss": issuer_of(tenant),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "appid": client_id,
            "oid": object_id(client_id),
            "sub": object_id(client_id),
            "tid": tenant,
            "uti": new_guid(),  # makes every token unique, even within one second
            "ver": "1.0",
        }
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": KEY_ID})

    def verify(self, authorization: str, ahead: timedelta = timedelta()) -> Bearer:
        """The claims of a valid token for Resource Manager in an ``Authorization`` header.

        Args:
            ahead: how far the clock that checks the token is ahead of ours.

        Raises:
            InvalidTokenError: the token is missing, not valid, or for another resource.
        """
        bearer = self.read(authorization, ahead)
        if bearer.audience not in AUDIENCES:
            raise WrongAudienceError("The access token has been obtained for wrong audience or resource.")
        return bearer

    def check_role(self, bearer: Bearer, action: str, scope: str) -> None:
        """Check that a role of the token's application permits an action.

        Args:
            action: Azure's name of the action, such as ``Microsoft.BatchAI/workspaces/write``.
            scope: the path of the resource; roles are assigned on the whole subscription.

        Raises:
            NoRoleError: no role permits it.
        """
        if not manages(self._roles.get(bearer.client_id, ()), action):
            raise NoRoleError(
                f"The client '{bearer.client_id}' with object id '{bearer.object_id}' does not have authorization to "
                f"perform action '{action[:200]}' over scope '{scope[:1000]}' or the scope is invalid. If access was "
                "recently granted, please refresh your credentials."
            )

    def read(self, authorization: str, ahead: timedelta = timedelta()) -> Bearer:
        """The claims of a valid token in an ``Authorization`` header, for any audience.

        Args:
            ahead: how far the clock that checks the token is ahead of ours.

        Raises:
            InvalidTokenError: the token is missing or not valid.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise InvalidTokenError("Authentication failed. The 'Authorization' header is missing.")
        now = self._clock.now() + ahead
        if (bearer := self._verified.get(token)) is None:
            if revocation := self._revoked.get(token):
                raise ExpiredTokenError(revocation[0], now, revoked=revocation[1])
            bearer = self._decode(token)
            if len(self._verified) > 1000:
                self._verified.clear()
            self._verified[token] = bearer
        if bearer.begins > now + _SKEW:
            raise NotYetValidError("The access token is not yet valid.")
        if bearer.ends <= now:
            raise ExpiredTokenError(bearer.ends, now)
        return bearer

    def revoke(self, authorization: str) -> ExpiredTokenError:
        """Refuse a valid token from now on as if it had expired; returns the error for its bearer.

        Raises:
            InvalidTokenError: the token is not valid.
        """
        bearer = self.read(authorization)
        token = authorization.partition(" ")[2]
        now = self._clock.now()
        self._revoked[token] = (now, bearer)
        self._verified.pop(token, None)
        return ExpiredTokenError(now, now, revoked=bearer)

    def keys(self) -> dict[str, list[dict[str, Any]]]:
        """The public key as a JSON Web Key Set."""
        public = RSAAlgorithm.to_jwk(self._public, as_dict=True)
        return {"keys": [{"kty": public["kty"], "use": "sig", "kid": KEY_ID, "n": public["n"], "e": public["e"]}]}

    def _decode(self, token: str) -> Bearer:
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
        try:
            claims = jwt.decode(token, self._public, algorithms=["RS256"], options=options)
            begins, ends = _moment(claims["nbf"]), _moment(claims["exp"])
            tenant, issuer = str(claims["tid"]), str(claims["iss"])
            audience, client = str(claims["aud"]), str(claims["appid"])
            bearer = Bearer(audience, client, str(claims["oid"]), tenant, begins, ends)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidTokenError("The access token is invalid.") from error
        if (tenant, issuer) != (self._identity.tenant_id, self._issuer):
            raise WrongIssuerError(
                f"The access token is from the wrong issuer '{issuer}'. It must match the tenant "
                f"'{self._issuer}' associated with this subscription."
            )
        return bearer


def audience_of(resource: str) -> str:
    """The audience of tokens for a resource as a client names it; empty if the tenant has no such resource.

    The host of every possible account name is a resource of Azure Storage, whether the account exists or not.
    """
    if resource in AUDIENCES or f"{resource}/" in AUDIENCES:
        return resource if resource in AUDIENCES else f"{resource}/"
    bare = resource.rstrip("/")
    return resource if bare == STORAGE_AUDIENCE or _ACCOUNT_AUDIENCE.fullmatch(bare) else ""


def issuer_of(tenant: str) -> str:
    """The issuer of the tokens of a tenant."""
    return f"https://sts.windows.net/{tenant}/"


def _moment(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _sentence_time(moment: datetime) -> str:
    """A time as Resource Manager writes it in sentences."""
    return f"{moment.month}/{moment.day}/{moment.year} {moment:%I:%M:%S %p}"
