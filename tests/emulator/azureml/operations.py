"""The operations of Azure Machine Learning that the emulator plays, from the routes, without an emulator."""

from collections.abc import Iterator
from typing import Any, cast

from harness.emulator.providers.azureml.data_plane.routes import data_plane_routes
from harness.emulator.providers.azureml.model.asset import KINDS
from harness.emulator.providers.azureml.routes import (
    asset_routes,
    compute_routes,
    datastore_routes,
    job_routes,
    operation_routes,
    subscription_routes,
    workspace_routes,
)
from harness.emulator.routing import Route

HOSTS = ("https://management.azure.com", "https://eastus.api.azureml.ms")
_TABLES = (workspace_routes, compute_routes, datastore_routes, job_routes, subscription_routes, operation_routes)


class _Handlers:
    """Replaces every class of handlers, because only the routes matter."""

    def __getattr__(self, name: str) -> object:
        return name


def served_routes() -> Iterator[tuple[str, Route]]:
    """Every operation that the emulator serves, with its host."""
    none = cast("Any", _Handlers())
    for make in _TABLES:
        yield from ((HOSTS[0], route) for route in cast("Any", make)(none))
    for kind in KINDS:
        yield from ((HOSTS[0], route) for route in asset_routes(kind, none))
    yield from ((HOSTS[1], route) for route in data_plane_routes(none, none, none))
