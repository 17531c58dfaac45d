"""Bearer tokens: signed like Azure Active Directory's, and checked on every call of Resource Manager."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import jwt
from jwt.algorithms import RSAAlgorithm

from harness.clock import Clock
from harness.emulator.guids import new_guid
from harness.emulator.identity import Identity, signing_key

LIFETIME = timedelta(seconds=3599)  # as AAD's client credentials tokens
AUDIENCES = (
    "https://management.core.windows.net/",
    "https://management.azure.com/",
    "https://management.azure.com",
)
KEY_ID = "emulator"
_SKEW = timedelta(minutes=5)  # that Azure allows between the clock of a token's issuer and its own


class InvalidTokenError(Exception):
    """The token is missing, malformed, expired, or not for Resource Manager; the text says which."""


class ExpiredTokenError(InvalidTokenError):
    """The token's time is over; ``revoked`` where it was ended early."""

    def __init__(self, until: datetime, now: datetime, *, revoked: bool = False) -> None:
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
        self._verified: dict[str, _Lifetime] = {}
        self._revoked: dict[str, datetime] = {}  # token to the moment

    def issue(self, audience: str) -> str:
        """A signed token for one audience, valid for an hour."""
        now = self._clock.now()
        claims = {
            "aud": audience,
            "iss": self._issuer,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "appid": self._identity.client_id,
            "tid": self._identity.tenant_id,
            "uti": new_guid(),  # no two tokens are the same, even of one second
            "ver": "1.0",
        }
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": KEY_ID})

    def verify(self, authorization: str, ahead: timedelta = timedelta()) -> None:
        """Accept an ``Authorization`` header that carries a valid token for Resource Manager.

        Args:
            ahead: how far the clock that judges it is ahead of ours.

        Raises:
            InvalidTokenError: anything else.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise InvalidTokenError("Authentication failed. The 'Authorization' header is missing.")
        now = self._clock.now() + ahead
        if (lifetime := self._verified.get(token)) is None:
            if ended := self._revoked.get(token):
                raise ExpiredTokenError(ended, now, revoked=True)
            lifetime = self._decode(token)
            if len(self._verified) > 1000:
                self._verified.clear()
            self._verified[token] = lifetime
        if lifetime.begins > now + _SKEW:
            raise InvalidTokenError("The access token is not yet valid.")
        if lifetime.ends <= now:
            raise ExpiredTokenError(lifetime.ends, now)

    def revoke(self, authorization: str) -> ExpiredTokenError:
        """Refuse a valid token from now on, as if it had expired; returns the error for its bearer.

        Raises:
            InvalidTokenError: it is not valid any more, or never was.
        """
        self.verify(authorization)
        token = authorization.partition(" ")[2]
        now = self._revoked[token] = self._clock.now()
        self._verified.pop(token, None)
        return ExpiredTokenError(now, now, revoked=True)

    def keys(self) -> dict[str, list[dict[str, Any]]]:
        """The public key as a JSON Web Key Set."""
        public = RSAAlgorithm.to_jwk(self._public, as_dict=True)
        return {"keys": [{"kty": public["kty"], "use": "sig", "kid": KEY_ID, "n": public["n"], "e": public["e"]}]}

    def _decode(self, token: str) -> "_Lifetime":
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
        try:
            claims = jwt.decode(token, self._public, algorithms=["RS256"], audience=list(AUDIENCES), options=options)
            lifetime = _Lifetime(_moment(claims["nbf"]), _moment(claims["exp"]))
            tenant, issuer = claims["tid"], claims["iss"]
        except jwt.InvalidAudienceError as error:
            raise InvalidTokenError("The access token has been obtained for wrong audience or resource.") from error
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidTokenError("The access token is invalid.") from error
        if (tenant, issuer) != (self._identity.tenant_id, self._issuer):
            raise InvalidTokenError(
                f"The access token is from the wrong issuer '{issuer}'. It must match the tenant "
                f"'{self._issuer}' associated with this subscription."
            )
        return lifetime


class _Lifetime(NamedTuple):
    begins: datetime
    ends: datetime


def issuer_of(tenant: str) -> str:
    """Who signs the tokens of a tenant."""
    return f"https://sts.windows.net/{tenant}/"


def _moment(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _written(moment: datetime) -> str:
    """As Resource Manager writes moments in sentences."""
    return f"{moment.month}/{moment.day}/{moment.year} {moment:%I:%M:%S %p}"
