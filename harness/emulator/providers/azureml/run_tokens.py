"""Tokens with which a job can use the data plane of its own workspace, and nothing else.

They are JSON Web Tokens, as the service's are, because clients read their expiry.
"""

import hashlib
from datetime import timedelta

import jwt

from harness.clock import Clock
from harness.emulator.identity import Identity

LIFETIME = timedelta(days=1)  # clients renew a token before it expires
_ALGORITHM = "HS256"


class RunTokens:
    """Issues and verifies the tokens of runs."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._clock = clock
        self._key = hashlib.sha256(f"run tokens {identity.signing_key}".encode()).digest()

    def issue(self, workspace: str, run: str) -> tuple[str, int]:
        """A token for a workspace, by its key, and the second at which it expires."""
        expiry = int((self._clock.now() + LIFETIME).timestamp())
        claims = {"aud": workspace, "sub": run, "exp": expiry, "iat": int(self._clock.now().timestamp())}
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM), expiry

    def accepts(self, authorization: str, workspace: str) -> bool:
        """Whether an ``Authorization`` header carries a valid token for a workspace."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return False
        try:
            claims = jwt.decode(
                token, self._key, algorithms=[_ALGORITHM], audience=workspace, options={"verify_exp": False}
            )
            return float(claims["exp"]) > self._clock.now().timestamp()
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
            return False
