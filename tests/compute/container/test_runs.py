"""A container whose engine is restarted while it runs."""

from collections.abc import Callable
from typing import Any

import pytest
from docker.errors import DockerException

from harness.clock import SteppingClock
from harness.compute.container import runs
from harness.compute.container.orders import Engine, Owner, Run

ORDER = Run(
    engine=Engine("unix:///run/engine.sock"),
    owner=Owner("tenant", "/jobs/1"),
    name="main-0",
    facts="",
    prepared="",
    prepares=False,
    command="",
    environment={},
    cwd="/",
    mounts=(),
    read_only=(),
    user="",
    shared_memory="",
    gpus=0,
    image="image",
    refusal="",
    trace="",
)


class RestartedEngine:
    """An engine that restarts ``restarts`` times during the wait, each time after ``seconds``."""

    def __init__(self, clock: SteppingClock, *, restarts: int, seconds: float) -> None:
        self.clock = clock
        self.restarts = restarts
        self.seconds = seconds

    def connect(self, _engine: Engine, *, patient: bool = False) -> "RestartedEngine":
        assert patient
        return self

    def wait(self, _container: str) -> dict[str, Any]:
        self.clock.sleep(self.seconds)
        self.restarts -= 1
        if self.restarts < 0:
            return {"StatusCode": 7}
        raise DockerException("the connection ended")


Wait = Callable[..., int]


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Wait for a container of an engine that is restarted."""

    def wait_for_container(*, restarts: int, seconds: float) -> int:
        clock = SteppingClock()
        monkeypatch.setattr(runs, "connect", RestartedEngine(clock, restarts=restarts, seconds=seconds).connect)
        return runs._wait(ORDER, "c", clock)

    return wait_for_container


def test_an_engine_may_be_started_again_hours_after_the_container_was_started(wait: Wait) -> None:
    assert wait(restarts=3, seconds=7200.0) == 7


def test_an_engine_that_refuses_at_once_is_given_up_after_a_minute(wait: Wait) -> None:
    with pytest.raises(DockerException, match="the connection ended"):
        wait(restarts=1000, seconds=0.0)
