"""Bearer tokens: signed like Azure Active Directory's, and checked on every call of Resource Manager."""

import base64
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from harness.clock import Clock
from harness.emulator.identity import Identity

LIFETIME = timedelta(seconds=3599)  # as AAD's client credentials tokens
AUDIENCES = (
    "https://management.core.windows.net/",
    "https://management.azure.com/",
    "https://management.azure.com",
)
KEY_ID = "emulator"


class InvalidTokenError(Exception):
    """The token is missing, malformed, expired, or not for Resource Manager; the text says which."""


class Tokens:
    """Signs and verifies the tokens of one identity."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock
        private = load_pem_private_key(identity.signing_key.encode(), password=None)
        public = private.public_key()
        if not isinstance(public, RSAPublicKey):
            raise TypeError("the signing key of an emulator is an RSA key")
        self._public = public
        self._verified: dict[str, datetime] = {}

    def issue(self, audience: str, issuer: str) -> str:
        """A signed token for one audience, valid for an hour."""
        now = self._clock.now()
        claims = {
            "aud": audience,
            "iss": issuer,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "appid": self._identity.client_id,
            "tid": self._identity.tenant_id,
            "ver": "1.0",
        }
        return jwt.encode(claims, self._identity.signing_key, algorithm="RS256", headers={"kid": KEY_ID})

    def verify(self, authorization: str) -> None:
        """Accept an ``Authorization`` header that carries a valid token for Resource Manager.

        Raises:
            InvalidTokenError: anything else.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise InvalidTokenError("Authentication failed. The 'Authorization' header is missing.")
        now = self._clock.now()
        if (until := self._verified.get(token)) is None:
            until = self._decode(token)
            if len(self._verified) > 1000:
                self._verified.clear()
            self._verified[token] = until
        if until <= now:
            raise InvalidTokenError("The access token has expired.")

    def keys(self) -> dict[str, list[dict[str, Any]]]:
        """The public key as a JSON Web Key Set."""
        numbers = self._public.public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "kid": KEY_ID,
            "n": _base64url(numbers.n),
            "e": _base64url(numbers.e),
        }
        return {"keys": [key]}

    def _decode(self, token: str) -> datetime:
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
        try:
            claims = jwt.decode(token, self._public, algorithms=["RS256"], audience=list(AUDIENCES), options=options)
            return datetime.fromtimestamp(int(claims["exp"]), self._clock.now().tzinfo)
        except jwt.InvalidAudienceError as error:
            raise InvalidTokenError("The access token has been obtained for wrong audience or resource.") from error
        except (jwt.InvalidTokenError, KeyError, ValueError, OverflowError) as error:
            raise InvalidTokenError("The access token is invalid.") from error


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
