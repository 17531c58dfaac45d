"""Usages, sizes and quotas of a subscription in a region."""

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.address import MACHINE_LEARNING
from harness.emulator.engine.model.records import Cluster
from harness.emulator.providers.azureml.handlers.quotas import Quotas
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.providers.azureml.model.documents import Document
from harness.emulator.providers.azureml.rules.usages import is_family, quota, sizes, usages


class Subscription:
    """The operations on a region."""

    def __init__(self, service: Service, quotas: Quotas) -> None:
        self._service = service
        self._quotas = quotas

    def list_usages(self, request: Request) -> Response:
        """The usage of each quota."""
        return self._service.document({"value": self._usages(request)})

    def list_quotas(self, request: Request) -> Response:
        """The limits of each family."""
        return self._service.document({"value": [quota(row) for row in self._usages(request) if is_family(row)]})

    def list_sizes(self, request: Request) -> Response:
        """The sizes that computes can have in a region: all of them, except those that limits exclude."""
        offered = self._quotas.sizes(request.params["location"].lower())
        return self._service.document({"value": sizes(offered)})

    def _usages(self, request: Request) -> list[Document]:
        subscription, location = request.params["subscription"], request.params["location"].lower()
        clusters = self._service.repository.store.list(Cluster, f"/subscriptions/{subscription}/".lower())
        computes = [
            cluster
            for _, cluster in clusters
            if cluster.address.namespace == MACHINE_LEARNING and cluster.location == location
        ]
        limits = self._quotas.limits
        return usages(computes, subscription, lambda family: limits.quota(location, family))
