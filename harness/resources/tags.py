"""What is written on everything that a run creates: whose it is, until when. ``reap`` deletes nothing without it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.resources.owner import Owner, parse_owner
from harness.resources.provisioning import Provisioning

RUN_TAG = "batchai-harness-run"
OWNER_TAG = "batchai-harness-owner"
CREATED_TAG = "batchai-harness-created"
EXPIRES_TAG = "batchai-harness-expires"


@dataclass(frozen=True, slots=True)
class Label:
    """What the tags say.

    Attributes:
        owner: None where it cannot be read.
        expires: None where it cannot be read: it then never does.
    """

    run: str
    owner: Owner | None
    created: datetime | None
    expires: datetime | None


def tags_of(provisioning: Provisioning) -> dict[str, str]:
    """The tags of what is made, or taken over, now."""
    return {
        RUN_TAG: provisioning.run,
        OWNER_TAG: str(provisioning.owner),
        CREATED_TAG: provisioning.cloud.clock.now().isoformat(timespec="seconds"),
        EXPIRES_TAG: provisioning.expires.isoformat(timespec="seconds"),
    }


def metadata_of(provisioning: Provisioning) -> dict[str, str]:
    """The same for a file share, whose metadata has no hyphens in its names."""
    return {name.replace("-", ""): value for name, value in tags_of(provisioning).items()}


def read_label(tags: Mapping[str, str] | None) -> Label | None:
    """What tags, or a share's metadata, say; None where they are not ours."""
    plain = {name.replace("-", "").lower(): value for name, value in (tags or {}).items()}
    values = [plain.get(tag.replace("-", ""), "") for tag in (RUN_TAG, OWNER_TAG, CREATED_TAG, EXPIRES_TAG)]
    run, owner, created, expires = values
    return Label(run, parse_owner(owner), _moment(created), _moment(expires)) if run else None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
