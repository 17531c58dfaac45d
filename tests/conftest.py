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

# The machines are noisy, so that the duration of an example means nothing. All examples of a test share its fixtures
# on purpose.
settings.register_profile(
    "tests",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    max_examples=1000 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 50,
)
settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests on Ray first, so that one worker of xdist runs them all, and only its clusters exist."""
    items.sort(key=lambda item: not _is_on_ray(item))


def _is_on_ray(item: pytest.Item) -> bool:
    names: list[str] = getattr(item, "fixturenames", [])
    chosen = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return not {"ray_cluster", "namespaced_cluster"}.isdisjoint(names) or any(
        option in ("ray", "staged") for option in chosen
    )


@pytest.fixture
def with_hangups() -> Iterator[None]:
    """SIGHUP has its default effect, even if the tests run under ``nohup``, which child processes inherit."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session")
def container_engine() -> Iterator[PodmanEngine]:
    """A container engine for this worker; skips if this machine runs no containers."""
    with contextlib.ExitStack() as stack:
        try:
            engine = stack.enter_context(podman.container_engine())
        except podman.NoEngineError as error:
            pytest.skip(f"no container engine: {error}")
        yield engine


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[RayCluster]:
    """A Ray cluster for this worker, with two machines of two nodes each; skips without Ray."""
    with contextlib.ExitStack() as stack:
        try:
            cluster = stack.enter_context(started_cluster())
            cluster.add_nodes(2, cpus=2, resources={"batchai-node": 2})
        except NoRayError as error:
            pytest.skip(f"no Ray cluster: {error}")
        yield cluster


@pytest.fixture(scope="session")
def namespaced_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    """A Ray cluster with two machines of two nodes each, which share no test files with this one; skips without Ray."""
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
