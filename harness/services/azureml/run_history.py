"""Run history: details of a job's run, from a host in the region of the workspace."""

import re
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from harness.services.azureml.rest_client import RestClient

_HOSTS = re.compile(r"[a-z0-9.-]+\.azureml\.(ms|net)", re.ASCII)  # those that may see our token
_MOST_KEPT = 1000  # runs whose end is remembered


class RunHistory:
    """Asks for the runs of jobs; made like a management client, once for each session.

    A list of jobs is asked for again and again, and shows the jobs that have ended until they are deleted. How a run
    has ended does not change, so each session asks once for it.
    """

    def __init__(self, credential: object, subscription_id: str, **options: Any) -> None:
        self._client = RestClient(credential, subscription_id, **options)
        self._ended: dict[tuple[str, str], dict[str, Any]] = {}

    def details(self, job: dict[str, Any]) -> dict[str, Any]:
        """The present details. Raises HttpResponseError."""
        return run_details(self._client, job)

    def details_of_ended(self, job: dict[str, Any]) -> dict[str, Any]:
        """The details of the run of a finished job. Raises HttpResponseError."""
        key = (str(job["id"]), str((job.get("systemData") or {}).get("createdAt")))
        if key in self._ended:
            return self._ended[key]
        details = self.details(job)
        if details.get("endTimeUtc"):  # otherwise run history is not up to date yet
            if len(self._ended) == _MOST_KEPT:
                del self._ended[next(iter(self._ended))]
            self._ended[key] = details
        return details


def run_details(client: RestClient, job: dict[str, Any]) -> dict[str, Any]:
    """The details of a job in run history: its times, its error, and links to its logs.

    The address of run history is that of the job's tracking, which the service names in the job itself. Whoever may
    write jobs of a workspace may write that, too, so requests only go to hosts of the service.

    Raises:
        HttpResponseError: run history does not answer.
    """
    services = job["properties"].get("services") or {}
    host = urlsplit(str((services.get("Tracking") or {}).get("endpoint") or "")).netloc
    if not _HOSTS.fullmatch(host.lower()):
        return {}
    workspace, _, name = str(job["id"]).rpartition("/jobs/")
    try:
        return client.get(f"https://{host}/history/v1.0{workspace}/runs/{name}/details")
    except (ResourceNotFoundError, ResourceExistsError):
        return {}
