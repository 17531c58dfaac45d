import contextlib
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import podman
from tests.podman import PodmanEngine

# These machines are noisy: how long an example takes says nothing. And where a test has a fixture of its own, all its
# examples are meant to share it.
settings.register_profile(
    "tests",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    max_examples=1000 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 50,
)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def container_engine() -> Iterator[PodmanEngine]:
    """A container engine of this worker's own; skips where this machine runs no containers."""
    with contextlib.ExitStack() as stack:
        try:
            engine = stack.enter_context(podman.container_engine())
        except podman.NoEngineError as error:
            pytest.skip(f"no container engine: {error}")
        yield engine
