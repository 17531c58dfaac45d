"""Bearer tokens: signed like Azure Active Directory's, and checked on every call that brings one."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import jwt
from jwt.algorithms import RSAAlgorithm

from harness.clock import Clock
from harness.emulator.guids import new_guid
from harness.emulator.identity import Application, Identity, object_id, signing_key
from harness.emulator.roles import manages

LIFETIME = timedelta(seconds=3599)  # as AAD's client credentials tokens
AUDIENCES = (
    "https://management.core.windows.net/",
    "https://management.azure.com/",
    "https://management.azure.com",
)
STORAGE_AUDIENCE = "https://storage.azure.com"
KEY_ID = "emulator"
_ACCOUNT_AUDIENCE = re.compile(r"https://[a-z0-9]{3,24}\.(blob|file)\.core\.windows\.net", re.ASCII)
_SKEW = timedelta(minutes=5)  # that Azure allows between the clock of a token's issuer and its own


class InvalidTokenError(Exception):
    """The token is missing, malformed, expired, or not for who is asked; the text says which."""


class NotYetValidError(InvalidTokenError):
    """The token's time has not come."""


class WrongAudienceError(InvalidTokenError):
    """The token is for another resource."""


class WrongIssuerError(InvalidTokenError):
    """The token is from another tenant."""


class NoRoleError(InvalidTokenError):
    """The token is valid, and no role of its application lets it do what it asks for."""


class Bearer(NamedTuple):
    """What a valid token says about who brings it."""

    audience: str
    client_id: str
    object_id: str
    tenant_id: str
    begins: datetime
    ends: datetime


class ExpiredTokenError(InvalidTokenError):
    """The token's time is over.

    Attributes:
        revoked: what the token says, where it was ended early; otherwise None.
    """

    def __init__(self, until: datetime, now: datetime, *, revoked: Bearer | None = None) -> None:
        super().__init__(
            f"The access token expiry UTC time '{_written(until)}' is earlier than current UTC time '{_written(now)}'."
        )
        self.revoked = revoked


class Tokens:
    """Signs and verifies the tokens of one identity."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock
        self._private = signing_key(identity)
        self._public = self._private.public_key()
        self._issuer = issuer_of(identity.tenant_id)
        self._roles = {each.client_id: each.roles for each in identity.all_applications}
        self._verified: dict[str, Bearer] = {}
        self._revoked: dict[str, tuple[datetime, Bearer]] = {}  # token to the moment, and what it says

    def issue(self, audience: str, application: Application | None = None, tenant: str = "") -> str:
        """A signed token for one audience, valid for an hour.

        Args:
            application: for whom; default the first one.
            tenant: where it signs in; default the identity's.
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
            "uti": new_guid(),  # no two tokens are the same, even of one second
            "ver": "1.0",
        }
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": KEY_ID})

    def verify(self, authorization: str, ahead: timedelta = timedelta()) -> Bearer:
        """What a valid token for Resource Manager in an ``Authorization`` header says.

        Args:
            ahead: how far the clock that judges it is ahead of ours.

        Raises:
            InvalidTokenError: there is none, it is not valid, or it is for another resource.
        """
        bearer = self.read(authorization, ahead)
        if bearer.audience not in AUDIENCES:
            raise WrongAudienceError("The access token has been obtained for wrong audience or resource.")
        return bearer

    def check_role(self, bearer: Bearer, action: str, scope: str) -> None:
        """Let the application that brings a token do what one of its roles permits.

        Args:
            action: by Azure's name, such as ``Microsoft.BatchAI/workspaces/write``.
            scope: the path of the resource; roles hold for the whole subscription.

        Raises:
            NoRoleError: none does.
        """
        if not manages(self._roles.get(bearer.client_id, ()), action):
            raise NoRoleError(
                f"The client '{bearer.client_id}' with object id '{bearer.object_id}' does not have authorization to "
                f"perform action '{action[:200]}' over scope '{scope[:1000]}' or the scope is invalid. If access was "
                "recently granted, please refresh your credentials."
            )

    def read(self, authorization: str, ahead: timedelta = timedelta()) -> Bearer:
        """What a valid token in an ``Authorization`` header says, whomever it is for.

        Args:
            ahead: how far the clock that judges it is ahead of ours.

        Raises:
            InvalidTokenError: there is none, or it is not valid.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise InvalidTokenError("Authentication failed. The 'Authorization' header is missing.")
        now = self._clock.now() + ahead
        if (bearer := self._verified.get(token)) is None:
            if ended := self._revoked.get(token):
                raise ExpiredTokenError(ended[0], now, revoked=ended[1])
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
        """Refuse a valid token from now on, as if it had expired; returns the error for its bearer.

        Raises:
            InvalidTokenError: it is not valid any more, or never was.
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
    """The audience of tokens for a resource as a client names it; empty where the tenant knows no such resource.

    Every name that an account could have is a resource of Azure Storage, whether there is such an account or not.
    """
    if resource in AUDIENCES or f"{resource}/" in AUDIENCES:
        return resource if resource in AUDIENCES else f"{resource}/"
    bare = resource.rstrip("/")
    return resource if bare == STORAGE_AUDIENCE or _ACCOUNT_AUDIENCE.fullmatch(bare) else ""


def issuer_of(tenant: str) -> str:
    """Who signs the tokens of a tenant."""
    return f"https://sts.windows.net/{tenant}/"


def _moment(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _written(moment: datetime) -> str:
    """As Resource Manager writes moments in sentences."""
    return f"{moment.month}/{moment.day}/{moment.year} {moment:%I:%M:%S %p}"
