"""Looks up, pulls and inspects images; the progress of a pull is written to the job's log."""

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
from harness.compute.container.client import connect, error_text
from harness.compute.container.engine_address import EngineError
from harness.compute.container.orders import GetImage, Image, ImageFacts, Owner, Refusal, write_refusal
from harness.compute.job_log import JobLog
from harness.file_lock import FileLockedError

NOT_STARTED = "unable to start docker container"  # the service's message
_SHELLS = ("/bin/bash", "/bin/sh")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # for an image that does not set it
_PAUSE = 5.0  # seconds between two progress lines of a pull


class PullError(Exception):
    """An image cannot be pulled; the message is from the engine."""


def get_image(order: GetImage, clock: Clock) -> int:
    """Prepare an image, and write its facts for the following runs; return the exit code of the step."""
    log, image = JobLog(order.logs, order.owner.job, clock), order.image
    name = image.name or "of a build context"
    try:
        client = connect(order.engine, patient=True)
        description = _prepare_image(client, order, log, clock)
        facts = ImageFacts(description["Id"], _shell(client, order.owner, description["Id"]), _search_path(description))
    except (PullError, BuildError, FileLockedError, EngineError, DockerException, OSError) as error:
        text = error_text(error).replace(image.password, "***") if image.password else error_text(error)
        log.write(f"image {name}: {text}")
        details = (("imageName", name), ("reason", text[:1000]))
        write_refusal(order.refusal, Refusal("FailedStartingContainer", f"{NOT_STARTED}: {text}", details))
        return 125
    log.write(f"image {name}: {facts.id.removeprefix('sha256:')[:12]}, shell {facts.shell or 'none'}")
    write_file(Path(order.facts), msgspec.json.encode(facts))
    return 0


def _prepare_image(client: Any, order: GetImage, log: JobLog, clock: Clock) -> Any:
    """Pull or build the image of a job if necessary; return the engine's description of it.

    Raises:
        PullError: the engine cannot pull it.
        BuildError: the engine cannot build it.
    """
    image, base_image = order.image, None
    if order.build is None or order.build.conda:
        base_image = _inspect(client, image.name)
        if base_image is None:
            log.write(f"image {image.name}: pull")
            _pull(client, image, log, clock)
            base_image = client.inspect_image(image.name)
    if order.build is None:
        return base_image
    base = str(base_image["Id"]) if base_image else ""
    return client.inspect_image(build_image(client, order, order.build, base=base, log=log))


def read_facts(path: str) -> ImageFacts:
    """Read the facts that ``get_image`` has written."""
    return msgspec.json.decode(Path(path).read_bytes(), type=ImageFacts)


def _inspect(client: Any, name: str) -> Any:
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
    """Yield log lines for the events of a pull: each change of status, and every few seconds the received bytes.

    Raises:
        PullError: an event says that the pull has failed.
    """
    sizes: dict[str, tuple[int, int]] = {}
    last_time, last_line = clock.monotonic(), ""
    for event in events:
        if "error" in event:
            raise PullError(str(event["error"]))
        layer, status = str(event.get("id") or ""), str(event.get("status") or event.get("stream") or "").strip()
        progress = event.get("progressDetail") or {}
        if progress.get("total"):
            sizes[layer] = (int(progress.get("current") or 0), int(progress["total"]))
            if clock.monotonic() - last_time >= _PAUSE:
                last_time = clock.monotonic()
                received, total = (sum(size[index] for size in sizes.values()) / 1e6 for index in (0, 1))
                yield f"{received:.0f} of {total:.0f} MB"
        elif (line := " ".join(filter(None, (layer, status)))) and line != last_line:
            last_line = line
            yield line


def _shell(client: Any, owner: Owner, image: str) -> str:
    """Return the shell in an image, empty if it has none; the container that is searched is never started."""
    host_config = client.create_host_config(network_mode="none")
    container = client.create_container(
        image, entrypoint=[_SHELLS[-1]], host_config=host_config, labels=owner.labels(), network_disabled=True
    )
    try:
        return next((path for path in _SHELLS if has_path(client, container["Id"], path)), "")
    finally:
        client.remove_container(container["Id"], force=True, v=True)


def has_path(client: Any, container: str, path: str) -> bool:
    """Whether a path exists in a container, which need not be running."""
    url = f"{client.base_url}/v{client.api_version}/containers/{container}/archive"
    return bool(client.head(url, params={"path": path}).status_code == HTTPStatus.OK)


def _search_path(image: Mapping[str, Any]) -> str:
    variables = (image.get("Config") or {}).get("Env") or ()
    paths = [text.removeprefix("PATH=") for text in variables if text.startswith("PATH=")]
    return paths[-1] if paths else _PATH
