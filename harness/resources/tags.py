"""Tags on every group and share that a run creates: owner, expiry, and the resource on which they were written.

``reap`` deletes nothing without them. Policies, templates and people copy tags from one resource to another. So the
tags name the resource on which they were written, and on any other resource they prove nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.clouds import CloudFacts
from harness.resources.owner import Owner, parse_owner
from harness.resources.provisioning import Provisioning

RUN_TAG = "batchai-harness-run"
OWNER_TAG = "batchai-harness-owner"
CREATED_TAG = "batchai-harness-created"
EXPIRES_TAG = "batchai-harness-expires"
RESOURCE_TAG = "batchai-harness-resource"
KEPT_TAG = "batchai-harness-kept"

_TAGS = (RUN_TAG, OWNER_TAG, CREATED_TAG, EXPIRES_TAG, RESOURCE_TAG, KEPT_TAG)


@dataclass(frozen=True, slots=True)
class Label:
    """The content of the tags.

    Attributes:
        owner: the process that owns the resource; None if it cannot be read.
        expires: None if it cannot be read; then the resource never expires.
        resource: the id of the resource on which the tags were written; empty if they name none.
        is_kept: whether the run has ended normally and left the resource for the next one, on any machine.
    """

    run: str
    owner: Owner | None
    created: datetime | None
    expires: datetime | None
    resource: str
    is_kept: bool = False

    def describes(self, resource: str) -> bool:
        """Whether the tags were written on a resource, given by its id, and not copied to it."""
        return bool(resource) and self.resource.casefold() == resource.casefold()

    def belongs_to(self, resource: str, run: str) -> bool:
        """Whether a run wrote the tags, and on a resource, given by its id."""
        return self.describes(resource) and self.run == run

    def may_be_alive(self, now: datetime) -> bool:
        """Whether the run may still use the resource: its process runs, or runs elsewhere and has not expired."""
        state = self.owner.state if self.owner else "elsewhere"
        has_time = self.expires is None or now < self.expires
        return state == "running" or (state == "elsewhere" and has_time and not self.is_kept)

    @property
    def run_description(self) -> str:
        """The run and its process, for messages."""
        if self.owner is None:
            return f"run {self.run} (its process cannot be read)"
        if self.owner.state != "elsewhere":
            return f"run {self.run} (process {self.owner.pid})"
        until = f"until {self.expires:%Y-%m-%d %H:%M} UTC" if self.expires else "without end"
        return f"run {self.run}, {describe_origin(self.owner)}, {until}"


def describe_origin(owner: Owner) -> str:
    """The origin of a process whose end this machine cannot observe."""
    if owner.is_of_an_earlier_boot:
        return "made before this machine was last started, or on a clone of it"
    return "made on another machine"


def group_id(facts: CloudFacts, name: str) -> str:
    """The resource id of a group."""
    return f"/subscriptions/{facts.subscription_id}/resourceGroups/{name}"


def share_id(facts: CloudFacts, name: str) -> str:
    """A share's account and name, which identify it."""
    return f"{facts.storage_account}/{name}"


def container_id(facts: CloudFacts, name: str) -> str:
    """A blob container's account and name; a share may have the same name."""
    return f"{facts.storage_account}/blob/{name}"


def tags_of(provisioning: Provisioning, resource: str, *, is_kept: bool = False) -> dict[str, str]:
    """The tags for a resource, given by its id, when it is created, taken over or kept."""
    tags = {
        RUN_TAG: provisioning.run,
        OWNER_TAG: str(provisioning.owner),
        CREATED_TAG: provisioning.cloud.clock.now().isoformat(timespec="seconds"),
        EXPIRES_TAG: provisioning.expires.isoformat(timespec="seconds"),
        RESOURCE_TAG: resource,
    }
    return tags | {KEPT_TAG: "true"} if is_kept else tags


def metadata_of(provisioning: Provisioning, resource: str, *, is_kept: bool = False) -> dict[str, str]:
    """The tags as the metadata of a share, whose names have no hyphens."""
    tags = tags_of(provisioning, resource, is_kept=is_kept)
    return {_without_hyphens(name): value for name, value in tags.items()}


def read_tags(tags: Mapping[str, str] | None) -> Label | None:
    """The label in the tags of a group; None if they are not the harness's. Azure ignores the case of tag names."""
    return _label({name.lower(): value for name, value in (tags or {}).items()})


def read_metadata(metadata: Mapping[str, str] | None) -> Label | None:
    """The label in the metadata of a share; None if it is not the harness's."""
    values = {name.lower(): value for name, value in (metadata or {}).items()}
    return _label({tag: values.get(_without_hyphens(tag), "") for tag in _TAGS})


def _label(values: Mapping[str, str]) -> Label | None:
    run, owner, created, expires, resource, mark = (values.get(tag, "") for tag in _TAGS)
    if not run:
        return None
    return Label(run, parse_owner(owner), _moment(created), _moment(expires), resource, mark == "true")


def _without_hyphens(name: str) -> str:
    return name.replace("-", "")


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
