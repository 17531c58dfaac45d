"""The container image of the whole emulator: a job of Batch AI runs in it, submitted from outside."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.identity import ClientSecretCredential

from harness.emulator.endpoint import Endpoint
from tests.deploy.images import ROOT, Container, built_image, endpoint_of
from tests.distributions import with_requirements
from tests.emulator.batchai.conftest import MANAGEMENT, Group
from tests.podman import NoEngineError, PodmanEngine

PROGRAMS = ("sh", "bash", "cat", "id", "sleep", "true")  # programs of the base image that jobs use
pytestmark = pytest.mark.slow


def packages() -> set[str]:
    """Return the packages that ``pip install .[containers]`` installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["containers"]]
    return with_requirements(re.split(r"[^\w.-]", requirement)[0] for requirement in requirements)


@pytest.fixture(scope="module")
def container(container_engine: PodmanEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    directory = tmp_path_factory.mktemp("image")
    try:
        with built_image(container_engine, directory, "emulator", packages(), PROGRAMS) as name:
            image_container = Container(container_engine, name)
            yield image_container
            image_container.remove()
    except NoEngineError as error:
        pytest.skip(f"podman builds no image here: {error}")


def sign_in(endpoint: Endpoint, session: requests.Session) -> Group:
    session.trust_env = False
    session.proxies, session.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
    with ClientSecretCredential(
        endpoint.tenant_id, endpoint.client_id, endpoint.client_secret,
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path,
    ) as credential:  # fmt: skip
        return Group(endpoint, session, credential.get_token(f"{MANAGEMENT}/.default").token)


def test_a_job_runs_in_it_and_its_state_survives_a_killed_container(container: Container, tmp_path: Path) -> None:
    container.start()
    with requests.Session() as session:
        group = sign_in(endpoint_of(container, tmp_path), session)
        group.set_up()
        group.make_cluster()
        path = group.submit("whoami", "id -u")
        assert group.wait_for_end(path)["executionState"] == "succeeded"
        url = group.outputs(path)["stdout.txt"]["downloadUrl"]
        assert session.get(url).text.strip() == "65532"

    container.kill()
    container.start()

    with requests.Session() as session:
        group = sign_in(endpoint_of(container, tmp_path), session)
        assert group.send("GET", path).json()["properties"]["executionState"] == "succeeded"
