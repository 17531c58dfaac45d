from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from harness.emulator.engine.model.address import Address
from harness.emulator.engine.model.records import Cluster, Job
from harness.emulator.engine.model.spec import ClusterSpec, JobSpec

START = datetime(2018, 6, 7, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """The time some seconds after the start."""
    return START + timedelta(seconds=seconds)


def make_cluster(scale: dict[str, Any], **changes: Any) -> Cluster:
    """A cluster that was just created."""
    spec = {"vmSize": "Standard_D1", "userAccountSettings": {"adminUserName": "me"}, "scaleSettings": scale}
    plain = Cluster(
        address=Address("sub", "group", ("ws", "cluster")),
        location="eastus",
        tags=None,
        spec=msgspec.convert(spec, ClusterSpec),
        incarnation="1",
        pool=7,
        created=START,
        written=START,
        allocation="resizing",
        allocation_changed=START,
        target=0,
    )
    return msgspec.structs.replace(plain, **changes)


@pytest.fixture
def job() -> Job:
    spec = {"cluster": {"id": "c"}, "nodeCount": 1, "stdOutErrPathPrefix": "x", "customToolkitSettings": {}}
    return Job(
        address=Address("sub", "group", ("ws", "exp", "job")),
        location="eastus",
        spec=msgspec.convert(spec, JobSpec),
        cluster="c",
        incarnation="1",
        segment="s",
        logs="stdouterr",
        volumes=(),
        created=START,
        ready=START,
        phase="queued",
        changed=START,
    )
