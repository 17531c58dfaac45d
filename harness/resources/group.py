"""The resource group that contains all other resources of a scenario."""

from collections.abc import Mapping

from azure.core.exceptions import ResourceNotFoundError

from harness.errors import ProvisioningError
from harness.resources.provisioning import Provisioning, Resource
from harness.resources.tags import Label, group_id, read_tags, tags_of


class ResourceGroup(Resource):
    """A resource group with the tags of the run. A group of another owner is refused, so it is never deleted."""

    kind = "resource group"

    def __init__(self, provisioning: Provisioning, *, name: str, location: str) -> None:
        super().__init__(provisioning, group=name, name=name)
        self.location = location

    @property
    def id(self) -> str:
        """Its resource id."""
        return group_id(self.provisioning.cloud.facts, self.name)

    def check(self) -> None:
        """Refuse a name that is taken.

        Raises:
            ProvisioningError: a group of that name exists and does not belong to this run.
        """
        if self.provisioning.clients.resources.resource_groups.check_existence(self.name) and not self._is_ours():
            raise ProvisioningError(
                f"resource group {self.name} already exists and does not belong to this run; "
                "delete it (harness reap, if an earlier run left it) or name another in the scenario"
            )

    def create(self) -> None:
        """Create the group with the tags of the run."""
        self._put()

    def adopt(self) -> bool:
        """Whether an earlier run has left the group; it then gets the tags of this run, so that it is not reaped.

        Raises:
            ProvisioningError: the group exists, and the harness did not create it, or another run may still use it.
        """
        groups = self.provisioning.clients.resources.resource_groups
        with self.provisioning.errors(f"look for resource group {self.name}"):
            try:
                label = self._label_of(groups.get(self.name).tags)
            except ResourceNotFoundError:
                return False
        if label is None:
            raise ProvisioningError(
                f"resource group {self.name} already exists and was not made by the harness; "
                "name another in the scenario"
            )
        if label.owner != self.provisioning.owner and label.may_be_alive(self.provisioning.cloud.clock.now()):
            raise ProvisioningError(
                f"resource group {self.name} is in use by {label.run_description}; "
                "wait for its end, or name another group in the scenario"
            )
        with self.provisioning.errors(f"tag resource group {self.name}"):
            self._put()
        return True

    def mark_as_kept(self) -> None:
        """Write into its tags that its run has ended and kept the group."""
        if self._is_ours():
            self._put(is_kept=True)

    def delete(self) -> None:
        """Delete the group with everything in it, if it has the tags of this run."""
        if not self._is_ours():
            return
        try:
            self.provisioning.clients.resources.resource_groups.begin_delete(self.name).result()
        except ResourceNotFoundError:
            return  # an earlier request took effect, and its response was lost

    def _put(self, *, is_kept: bool = False) -> None:
        tags = tags_of(self.provisioning, self.id, is_kept=is_kept)
        parameters = {"location": self.location, "tags": tags}
        self.provisioning.clients.resources.resource_groups.create_or_update(self.name, parameters)

    def _is_ours(self) -> bool:
        try:
            group = self.provisioning.clients.resources.resource_groups.get(self.name)
        except ResourceNotFoundError:
            return False
        label = self._label_of(group.tags)
        return label is not None and label.run == self.provisioning.run

    def _label_of(self, tags: Mapping[str, str] | None) -> Label | None:
        """The label in the tags of the group; None unless the harness wrote them on this group."""
        label = read_tags(tags)
        return label if label is not None and label.describes(self.id) else None
