"""The resource group, and the providers that must be registered before it is of use."""

from azure.core.exceptions import ResourceNotFoundError

from harness.errors import ProvisioningError
from harness.resources.events import Began, Ended
from harness.resources.provisioning import Provisioning, Resource
from harness.resources.refusals import refusals
from harness.resources.tags import read_label, tags_of

PROVIDERS = ("Microsoft.BatchAI", "Microsoft.Batch")
_REGISTRATION_SECONDS = 600.0


def register_providers(provisioning: Provisioning) -> None:
    """Register the providers that are not yet, and wait until they are: the first call, so also the sign-in.

    Raises:
        SignInError: the credentials were refused.
        ProvisioningError: a provider did not become registered.
    """
    providers = provisioning.clients.resources.providers
    for namespace in PROVIDERS:
        with refusals(f"register provider {namespace}", provisioning.cloud.name):
            if providers.get(namespace).registration_state == "Registered":
                continue
            provisioning.sink(Began("registering", namespace))
            providers.register(namespace)
            state = provisioning.clients.poller.until(
                lambda: str(providers.get(namespace).registration_state),  # noqa: B023 - called in this turn only
                lambda state: state == "Registered",
                deadline=_REGISTRATION_SECONDS,
            )
        if state is None:
            raise ProvisioningError(
                f"provider {namespace} is not registered after {_REGISTRATION_SECONDS:.0f} s; "
                f"try: az provider register --namespace {namespace}"
            )
        provisioning.sink(Ended("registering", namespace))


class ResourceGroup(Resource):
    """A resource group of ours, tagged with the run; one that somebody else made is refused, so never deleted."""

    kind = "resource group"

    def __init__(self, provisioning: Provisioning, *, name: str, location: str) -> None:
        super().__init__(provisioning, group=name, name=name)
        self.location = location

    def create(self) -> None:
        """Create it with our tags.

        Raises:
            ProvisioningError: one of that name is there and is not this run's.
        """
        groups = self.provisioning.clients.resources.resource_groups
        if groups.check_existence(self.name) and not self._is_ours():
            raise ProvisioningError(
                f"resource group {self.name} is there already and not of this run; "
                "delete it (harness reap, if an earlier run left it) or name another in the scenario"
            )
        groups.create_or_update(self.name, {"location": self.location, "tags": tags_of(self.provisioning)})

    def adopt(self) -> bool:
        """Whether it is there from an earlier run; it is then tagged as this run's, so that nobody reaps it meanwhile.

        Raises:
            ProvisioningError: it is there and not ours, or of another run that is alive.
        """
        groups = self.provisioning.clients.resources.resource_groups
        with refusals(f"look for resource group {self.name}", self.provisioning.cloud.name):
            try:
                label = read_label(groups.get(self.name).tags)
            except ResourceNotFoundError:
                return False
        if label is None:
            raise ProvisioningError(
                f"resource group {self.name} is there already and was not made by the harness; "
                "name another in the scenario"
            )
        owner = label.owner
        if owner and owner != self.provisioning.owner and owner.state == "running":
            raise ProvisioningError(
                f"resource group {self.name} is in use by run {label.run} (process {owner.pid}); "
                "wait for its end, or name another group in the scenario"
            )
        with refusals(f"tag resource group {self.name}", self.provisioning.cloud.name):
            groups.create_or_update(self.name, {"location": self.location, "tags": tags_of(self.provisioning)})
        return True

    def delete(self) -> None:
        """Delete it with all that is in it, if it carries our tag."""
        if not self._is_ours():
            return
        try:
            self.provisioning.clients.resources.resource_groups.begin_delete(self.name).result()
        except ResourceNotFoundError:
            return  # an earlier try took effect, and its answer was lost

    def _is_ours(self) -> bool:
        try:
            group = self.provisioning.clients.resources.resource_groups.get(self.name)
        except ResourceNotFoundError:
            return False
        label = read_label(group.tags)
        return label is not None and label.run == self.provisioning.run
