"""Recorded answers: no network, no credentials, no waiting."""

from pathlib import Path
from typing import Any

import requests
from azure.core.credentials import AccessToken

from harness.clock import SteppingClock
from harness.clouds.retry_policy import REPLAY
from harness.clouds.sdk import PLACEHOLDERS, SdkCloud
from harness.recording import ReportUnused

_POLL_SECONDS = 0.5  # on a clock that only counts them; no recording polls faster, so no limit comes too early
_NEVER = 1 << 40  # seconds since 1970


class ReplayCredential:
    """Signs in nowhere: a replay needs no token."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # noqa: ARG002 - the SDK's own signature
        """A token that means nothing and does not expire."""
        return AccessToken("replay", _NEVER)


def replay_cloud(cassettes: Path, report_unused: ReportUnused | None = None) -> SdkCloud:
    """The cloud that answers from a directory of cassettes.

    Args:
        report_unused: called after a replay in which some of the recorded responses were not requested.
    """
    return SdkCloud(
        name="replay",
        facts=PLACEHOLDERS,
        clock=SteppingClock(),
        mode="replay",
        cassettes=cassettes,
        interval=_POLL_SECONDS,
        longest=_POLL_SECONDS,
        retry_policy=REPLAY,
        base=requests.Session,
        credential=lambda _transport: ReplayCredential(),
        report_unused=report_unused,
    )
