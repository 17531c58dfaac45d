"""Resource providers, which must be registered in a subscription before their use."""

from collections.abc import Iterable

from harness.errors import ProvisioningError
from harness.resources.events import StepEnded, StepStarted
from harness.resources.provisioning import Provisioning

_REGISTRATION_SECONDS = 600.0


def register_providers(provisioning: Provisioning, namespaces: Iterable[str]) -> None:
    """Register the providers that are not registered, and wait until they are. This is the first request of a run.

    Args:
        provisioning: the cloud and the run.
        namespaces: the namespaces of the providers, such as ``Microsoft.BatchAI``.

    Raises:
        SignInError: the credentials were refused.
        ServiceRetiredError: the service no longer exists.
        ProvisioningError: a provider did not become registered.
    """
    providers = provisioning.clients.resources.providers
    for namespace in namespaces:
        with provisioning.errors(f"register provider {namespace}"):
            if providers.get(namespace).registration_state == "Registered":
                continue
            provisioning.sink(StepStarted("registering", namespace))
            providers.register(namespace)
            state = provisioning.clients.poller.until(
                lambda: str(providers.get(namespace).registration_state),  # noqa: B023 - called in this iteration only
                lambda state: state == "Registered",
                deadline=_REGISTRATION_SECONDS,
            )
        if state is None:
            raise ProvisioningError(
                f"provider {namespace} is not registered after {_REGISTRATION_SECONDS:.0f} s; "
                f"try: az provider register --namespace {namespace}"
            )
        provisioning.sink(StepEnded("registering", namespace))
