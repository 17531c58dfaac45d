"""Run history: details of a job's run, from a host in the region of the workspace."""

import re
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from harness.services.azureml.rest_client import RestClient

_HOSTS = re.compile(r"[a-z0-9.-]+\.azureml\.(ms|net)", re.ASCII)  # the hosts that may receive a token
_MOST_CACHED = 1000  # finished runs


class RunHistory:
    """Reads the runs of jobs; it is created like a management client, once for each session.

    A poll of the list of jobs includes finished jobs until they are deleted. The details of a finished run do not
    change, so each session reads them once.
    """

    def __init__(self, credential: object, subscription_id: str, **options: Any) -> None:
        self._client = RestClient(credential, subscription_id, **options)
        self._finished_details: dict[tuple[str, str], dict[str, Any]] = {}

    def details(self, job: dict[str, Any]) -> dict[str, Any]:
        """The present details of the run of a job. Raises HttpResponseError."""
        return run_details(self._client, job)

    def details_of_ended(self, job: dict[str, Any]) -> dict[str, Any]:
        """The details of the run of a finished job. Raises HttpResponseError."""
        key = (str(job["id"]), str((job.get("systemData") or {}).get("createdAt")))
        if key in self._finished_details:
            return self._finished_details[key]
        details = self.details(job)
        if details.get("endTimeUtc"):  # otherwise run history is not up to date yet
            if len(self._finished_details) == _MOST_CACHED:
                del self._finished_details[next(iter(self._finished_details))]
            self._finished_details[key] = details
        return details


def run_details(client: RestClient, job: dict[str, Any]) -> dict[str, Any]:
    """The details of a job in run history: its times, its error, and links to its logs.

    The job itself contains the address of run history, as its tracking endpoint. Every user who may write jobs may
    change that address, so requests are sent only to hosts of the service.

    Raises:
        HttpResponseError: run history does not respond.
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
