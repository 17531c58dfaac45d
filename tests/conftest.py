import contextlib
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import podman
from tests.podman import PodmanEngine
from tests.ray_cluster import NoRayError, RayCluster, started_cluster
from tests.ray_namespaces import NamespacedCluster

# These machines are noisy: how long an example takes says nothing. And where a test has a fixture of its own, all its
# examples are meant to share it.
settings.register_profile(
    "tests",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    max_examples=1000 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 50,
)
settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have tests on Ray come first: so one worker of xdist runs them all, and its clusters are the only ones."""
    items.sort(key=lambda item: not _is_on_ray(item))


def _is_on_ray(item: pytest.Item) -> bool:
    names: list[str] = getattr(item, "fixturenames", [])
    chosen = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return not {"ray_cluster", "namespaced_cluster"}.isdisjoint(names) or any(
        each in ("ray", "staged") for each in chosen
    )


@pytest.fixture
def with_hangups() -> Iterator[None]:
    """SIGHUP does what it does by default, also where who runs the tests ignores it, which processes inherit."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session")
def container_engine() -> Iterator[PodmanEngine]:
    """A container engine of this worker's own; skips where this machine runs no containers."""
    with contextlib.ExitStack() as stack:
        try:
            engine = stack.enter_context(podman.container_engine())
        except podman.NoEngineError as error:
            pytest.skip(f"no container engine: {error}")
        yield engine


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[RayCluster]:
    """A Ray cluster of this worker's own, with two machines of two nodes each; skips without Ray."""
    with contextlib.ExitStack() as stack:
        try:
            cluster = stack.enter_context(started_cluster())
            cluster.add_nodes(2, cpus=2, resources={"batchai-node": 2})
        except NoRayError as error:
            pytest.skip(f"no Ray cluster: {error}")
        yield cluster


@pytest.fixture(scope="session")
def namespaced_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    """A Ray cluster with two machines of two nodes each, which share no file of tests with this one; skips without."""
    hidden = tmp_path_factory.getbasetemp()
    with contextlib.ExitStack() as stack:
        try:
            cluster = stack.enter_context(
                started_cluster(lambda directory: NamespacedCluster(directory, hidden=hidden))
            )
            cluster.add_nodes(2, cpus=2, resources={"batchai-node": 2})
        except NoRayError as error:
            pytest.skip(f"no Ray cluster in network namespaces: {error}")
        yield cluster
