"""Tokens of Resource Manager: every claim counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from harness.clock import SteppingClock
from harness.emulator.auth import (
    AUDIENCES,
    ExpiredTokenError,
    InvalidTokenError,
    NoRoleError,
    Tokens,
    audience_of,
    issuer_of,
)
from harness.emulator.identity import Identity, new_identity, object_id, signing_key, with_applications

START = datetime(2018, 6, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def identity() -> Identity:
    return new_identity()


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock(START)


@pytest.fixture
def tokens(identity: Identity, clock: SteppingClock) -> Tokens:
    return Tokens(identity, clock)


def sign_token(identity: Identity, **changes: Any) -> str:
    """A token signed with the emulator's key, with changed claims; None omits a claim."""
    begin = int(START.timestamp())
    claims = {
        "aud": AUDIENCES[0], "iss": issuer_of(identity.tenant_id), "tid": identity.tenant_id,
        "nbf": begin, "exp": begin + 3600, "appid": identity.client_id, "oid": object_id(identity.client_id),
    }  # fmt: skip
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return "Bearer " + jwt.encode(claims, signing_key(identity), algorithm="RS256")


def test_a_token_that_was_issued_is_accepted(tokens: Tokens) -> None:
    tokens.verify(f"Bearer {tokens.issue(AUDIENCES[0])}")


def test_one_that_begins_later_is_not_valid_yet(identity: Identity, tokens: Tokens, clock: SteppingClock) -> None:
    token = sign_token(identity, nbf=int(START.timestamp()) + 600)
    with pytest.raises(InvalidTokenError, match="not yet valid"):
        tokens.verify(token)
    clock.sleep(301)  # Azure's clocks may differ by five minutes
    tokens.verify(token)


def test_one_that_was_verified_before_is_not_valid_for_a_clock_that_is_behind(tokens: Tokens) -> None:
    token = f"Bearer {tokens.issue(AUDIENCES[0])}"
    tokens.verify(token)
    with pytest.raises(InvalidTokenError, match="not yet valid"):
        tokens.verify(token, ahead=timedelta(minutes=-6))


def test_one_that_is_over_has_expired(identity: Identity, tokens: Tokens, clock: SteppingClock) -> None:
    clock.sleep(3600)
    with pytest.raises(ExpiredTokenError):
        tokens.verify(sign_token(identity))


@pytest.mark.parametrize("changes", [{"tid": "another"}, {"iss": "https://sts.windows.net/another/"}])
def test_one_of_another_tenant_is_from_the_wrong_issuer(
    identity: Identity, tokens: Tokens, changes: dict[str, str]
) -> None:
    with pytest.raises(InvalidTokenError, match="is from the wrong issuer"):
        tokens.verify(sign_token(identity, **changes))


CLAIMS = ("nbf", "exp", "iss", "tid", "aud", "appid", "oid")


@pytest.mark.parametrize("changes", [{name: None} for name in CLAIMS] + [{"nbf": "soon"}, {"exp": []}, {"nbf": 1e300}])
def test_one_without_a_claim_is_invalid(identity: Identity, tokens: Tokens, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidTokenError, match="is invalid"):
        tokens.verify(sign_token(identity, **changes))


def test_one_for_another_resource_is_refused(identity: Identity, tokens: Tokens) -> None:
    with pytest.raises(InvalidTokenError, match="wrong audience"):
        tokens.verify(sign_token(identity, aud="https://graph.microsoft.com/"))


def test_one_of_another_key_is_invalid(tokens: Tokens) -> None:
    with pytest.raises(InvalidTokenError, match="is invalid"):
        tokens.verify(sign_token(new_identity()))


def test_an_application_does_what_its_roles_permit(identity: Identity, clock: SteppingClock) -> None:
    extended = with_applications(identity, {"reader": ("Reader",), "nobody": ()})
    tokens = Tokens(extended, clock)
    reader, nobody = (
        tokens.verify(f"Bearer {tokens.issue(AUDIENCES[0], application)}") for application in extended.applications
    )

    tokens.check_role(reader, "Microsoft.BatchAI/workspaces/read", "/subscriptions/s")
    with pytest.raises(NoRoleError, match=r"perform action 'Microsoft\.BatchAI/workspaces/write'"):
        tokens.check_role(reader, "Microsoft.BatchAI/workspaces/write", "/subscriptions/s")
    with pytest.raises(NoRoleError, match="does not have authorization"):
        tokens.check_role(nobody, "Microsoft.BatchAI/workspaces/read", "/subscriptions/s")


@pytest.mark.parametrize(
    ("resource", "audience"),
    [
        ("https://storage.azure.com", "https://storage.azure.com"),
        ("https://storage.azure.com/", "https://storage.azure.com/"),
        ("https://mine.file.core.windows.net", "https://mine.file.core.windows.net"),
        ("https://management.azure.com", "https://management.azure.com"),
        ("https://management.core.windows.net", "https://management.core.windows.net/"),
        ("https://mine.queue.core.windows.net", ""),
        ("https://a.b.file.core.windows.net", ""),
        ("https://vault.azure.net", ""),
    ],
)
def test_resources_that_the_tenant_knows_have_an_audience(resource: str, audience: str) -> None:
    assert audience_of(resource) == audience
