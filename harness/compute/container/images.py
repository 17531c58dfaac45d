"""Images: looked up, pulled with their progress in the job's log, and looked into."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from docker.errors import DockerException, NotFound
from docker.utils import parse_repository_tag

from harness.atomic_file import write_file
from harness.clock import Clock
from harness.compute.container.builds import BuildError, build_image
from harness.compute.container.client import connect, reason
from harness.compute.container.engine_address import EngineError
from harness.compute.container.orders import GetImage, Image, ImageFacts, Owner, Refusal, write_refusal
from harness.compute.job_log import JobLog
from harness.file_lock import FileLockedError

NOT_STARTED = "unable to start docker container"  # the service's own words
_SHELLS = ("/bin/bash", "/bin/sh")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # of an image that says nothing about it
_PAUSE = 5.0  # seconds between two lines about what was pulled so far


class PullError(Exception):
    """An image cannot be pulled; the message is the engine's."""


def get_image(order: GetImage, clock: Clock) -> int:
    """Have an image ready, and write its facts for the runs that follow; the exit code of the step."""
    log, image = JobLog(order.logs, order.owner.job, clock), order.image
    name = image.name or "of a build context"
    try:
        client = connect(order.engine, patient=True)
        found = _inspected(client, order, log, clock)
        facts = ImageFacts(found["Id"], _shell(client, order.owner, found["Id"]), _search_path(found))
    except (PullError, BuildError, FileLockedError, EngineError, DockerException, OSError) as error:
        text = reason(error).replace(image.password, "***") if image.password else reason(error)
        log.write(f"image {name}: {text}")
        details = (("imageName", name), ("reason", text[:1000]))
        write_refusal(order.refusal, Refusal("FailedStartingContainer", f"{NOT_STARTED}: {text}", details))
        return 125
    log.write(f"image {name}: {facts.id.removeprefix('sha256:')[:12]}, shell {facts.shell or 'none'}")
    write_file(Path(order.facts), msgspec.json.encode(facts))
    return 0


def _inspected(client: Any, order: GetImage, log: JobLog, clock: Clock) -> Any:
    """What the engine says about the image of a job, which is pulled or built where it has to be.

    Raises:
        PullError: the engine cannot pull it.
        BuildError: the engine cannot build it.
    """
    image, found = order.image, None
    if order.build is None or order.build.conda:
        found = _found(client, image.name)
        if found is None:
            log.write(f"image {image.name}: pull")
            _pull(client, image, log, clock)
            found = client.inspect_image(image.name)
    if order.build is None:
        return found
    base = str(found["Id"]) if found else ""
    return client.inspect_image(build_image(client, order, order.build, base=base, log=log))


def read_facts(path: str) -> ImageFacts:
    """What ``get_image`` has written."""
    return msgspec.json.decode(Path(path).read_bytes(), type=ImageFacts)


def _found(client: Any, name: str) -> Any:
    try:
        return client.inspect_image(name)
    except NotFound:
        return None


def _pull(client: Any, image: Image, log: JobLog, clock: Clock) -> None:
    """Pull an image.

    Raises:
        PullError: the engine cannot.
    """
    repository, tag = parse_repository_tag(image.name)
    login = {"username": image.user_name, "password": image.password} if image.user_name else None
    events = client.pull(repository, tag=tag or "latest", stream=True, decode=True, auth_config=login)
    for line in progress_lines(events, clock):
        log.write(f"image {image.name}: {line}")


def progress_lines(events: Iterable[Mapping[str, Any]], clock: Clock) -> Iterable[str]:
    """What is worth a line of the events of a pull: what changes, and every few seconds how much has come.

    Raises:
        PullError: an event says that the pull has failed.
    """
    sizes: dict[str, tuple[int, int]] = {}
    last, shown = clock.monotonic(), ""
    for event in events:
        if "error" in event:
            raise PullError(str(event["error"]))
        layer, status = str(event.get("id") or ""), str(event.get("status") or event.get("stream") or "").strip()
        progress = event.get("progressDetail") or {}
        if progress.get("total"):
            sizes[layer] = (int(progress.get("current") or 0), int(progress["total"]))
            if clock.monotonic() - last >= _PAUSE:
                last = clock.monotonic()
                come, total = (sum(each[index] for each in sizes.values()) / 1e6 for index in (0, 1))
                yield f"{come:.0f} of {total:.0f} MB"
        elif (line := " ".join(filter(None, (layer, status)))) and line != shown:
            shown = line
            yield line


def _shell(client: Any, owner: Owner, image: str) -> str:
    """The shell in an image, empty where it has none: looked for in a container that is never started."""
    host_config = client.create_host_config(network_mode="none")
    made = client.create_container(
        image, entrypoint=[_SHELLS[-1]], host_config=host_config, labels=owner.labels(), network_disabled=True
    )
    try:
        return next((path for path in _SHELLS if has_path(client, made["Id"], path)), "")
    finally:
        client.remove_container(made["Id"], force=True, v=True)


def has_path(client: Any, container: str, path: str) -> bool:
    """Whether there is something under a path in a container, which need not run."""
    url = f"{client.base_url}/v{client.api_version}/containers/{container}/archive"
    return bool(client.head(url, params={"path": path}).status_code == HTTPStatus.OK)


def _search_path(image: Mapping[str, Any]) -> str:
    variables = (image.get("Config") or {}).get("Env") or ()
    found = [text.removeprefix("PATH=") for text in variables if text.startswith("PATH=")]
    return found[-1] if found else _PATH
