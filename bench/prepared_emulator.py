"""An emulator with a cluster, one job of each service, and a queue of jobs to run."""

import asyncio
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from load import Connection, Creation, Target

HOST = "management.azure.com"
API = "?api-version=2018-05-01"
AZUREML_API = "?api-version=2025-09-01"


class PreparedEmulator:
    """An emulator with a waiting Batch AI job and a completed command job, and the measurements on them."""

    def __init__(self, directory: Path) -> None:
        from harness.emulator.launch import start_detached
        from harness.emulator.options import Options

        self.endpoint = start_detached(Options(directory))
        self.port = int(self.endpoint.proxy_url.rpartition(":")[2])  # the port also accepts TLS without a tunnel
        self.group = f"/subscriptions/{self.endpoint.subscription_id}/resourceGroups/bench"
        self.workspace = f"{self.group}/providers/Microsoft.BatchAI/workspaces/w"
        self.jobs = f"{self.workspace}/experiments/e/jobs"
        self.azureml = (
            f"/subscriptions/{self.endpoint.subscription_id}/resourceGroups/{self.endpoint.azureml_resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.endpoint.azureml_workspace}"
        )
        self.headers = {"Host": HOST, "Content-Type": "application/json"}

    async def prepare(self) -> None:
        """Sign in; create a share, a workspace, a cluster without nodes, and a job that waits for a node."""
        self._make_share()
        await self._sign_in()
        async with Connection(self.port, self.headers) as client:
            provider = f"/subscriptions/{self.endpoint.subscription_id}/providers/Microsoft.BatchAI"
            await client.send("POST", f"{provider}/register{API}")
            await client.send("GET", f"{provider}{API}")
            for path, body in (
                (self.group, {"location": "eastus"}),
                (self.workspace, {"location": "eastus"}),
                (f"{self.workspace}/experiments/e", None),
                (f"{self.workspace}/clusters/c", self.cluster()),
                (f"{self.jobs}/waiting", self.job(variables=12)),  # 1.4 KB, like the peers' objects
            ):
                status, _, answer = await client.send("PUT", path + API, body)
                if status not in (200, 201, 202):
                    raise SystemExit(f"PUT {path} answered {status} {answer!r}")
            await self._run_command_job(client)

    async def _run_command_job(self, client: Connection) -> None:
        """Run a serverless command job of Azure Machine Learning until it has ended."""
        path = f"{self.azureml}/jobs/ended{AZUREML_API}"
        environment = f"{self.azureml}/environments/bench/versions/1"
        variables = {f"NAME_{number}": "a value of the job" for number in range(12)}
        job = {"jobType": "Command", "command": "true", "environmentId": environment, "environmentVariables": variables}
        for address, properties in ((f"{environment}{AZUREML_API}", {"image": "ubuntu:22.04"}), (path, job)):
            status, _, answer = await client.send("PUT", address, {"properties": properties})
            if status not in (200, 201):
                raise SystemExit(f"PUT {address} answered {status} {answer!r}")
        while json.loads((await client.send("GET", path))[2])["properties"]["status"] not in ("Completed", "Failed"):
            await asyncio.sleep(0.1)

    def _make_share(self) -> None:
        import requests
        from azure.storage.file import FileService

        with requests.Session() as session:
            session.trust_env, session.verify = False, self.endpoint.ca_path
            session.proxies = {"https": self.endpoint.proxy_url}
            FileService(self.endpoint.storage_account, self.endpoint.storage_key, request_session=session).create_share(
                "bench"
            )

    async def _sign_in(self) -> None:
        form = f"grant_type=client_credentials&client_id={self.endpoint.client_id}&resource=https://{HOST}/"
        form += f"&client_secret={self.endpoint.client_secret}"
        async with Connection(self.port, {"Host": "login.microsoftonline.com"}) as client:
            _, _, answer = await client.send("POST", f"/{self.endpoint.tenant_id}/oauth2/token", form.encode())
        token = json.loads(answer)["access_token"]
        self.headers["Authorization"] = f"Bearer {token}"

    def cluster(self) -> dict[str, Any]:
        """Return a cluster without nodes, with a share for the output of jobs."""
        account = self.endpoint.storage_account
        mount = {
            "accountName": account,
            "azureFileUrl": f"https://{account}.file.core.windows.net/bench",
            "credentials": {"accountKey": self.endpoint.storage_key},
            "relativeMountPath": "afs",
        }
        return {
            "properties": {
                "vmSize": "STANDARD_D1",
                "scaleSettings": {"manual": {"targetNodeCount": 0}},
                "userAccountSettings": {"adminUserName": "u", "adminUserPassword": "p"},
                "nodeSetup": {"mountVolumes": {"azureFileShares": [mount]}},
            }
        }

    def job(self, variables: int = 0) -> dict[str, Any]:
        """Return a no-op job; variables make its document longer."""
        return {
            "properties": {
                "cluster": {"id": f"{self.workspace}/clusters/c"},
                "nodeCount": 1,
                "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/afs",
                "customToolkitSettings": {"commandLine": "true"},
                "environmentVariables": [
                    {"name": f"NAME_{n}", "value": "a value of the job"} for n in range(variables)
                ],
            }
        }

    def get_job(self) -> Target:
        """Return the request for the waiting job."""
        return Target(f"https://127.0.0.1:{self.port}{self.jobs}/waiting{API}", self.headers)

    def get_command_job(self) -> Target:
        """Return the request for the completed command job."""
        return Target(f"https://127.0.0.1:{self.port}{self.azureml}/jobs/ended{AZUREML_API}", self.headers)

    def creation(self, directory: Path) -> Creation:
        """Return the creation of clusters without nodes."""
        return Creation(
            f"https://127.0.0.1:{self.port}",
            f"{self.workspace}/clusters/b",
            API,
            self.headers,
            write_body(directory, self.cluster()),
        )

    async def run_queue(self, count: int) -> dict[str, Any]:
        """Submit a queue of no-op jobs, then run it on two nodes; returns the figures."""
        import psutil

        process = psutil.Process(self.endpoint.pid)
        before = process.memory_info().rss
        start = time.perf_counter()
        numbers = iter(range(count))

        async def submit() -> None:
            async with Connection(self.port, self.headers) as client:
                for number in numbers:
                    status, _, answer = await client.send("PUT", f"{self.jobs}/q{number}{API}", self.job())
                    if status != 202:
                        raise SystemExit(f"PUT of a job answered {status} {answer!r}")

        await asyncio.gather(*(submit() for _ in range(16)))
        seconds = time.perf_counter() - start
        await asyncio.sleep(2)
        memory = (process.memory_info().rss - before) / count
        async with Connection(self.port, self.headers) as client:
            scale = {"properties": {"scaleSettings": {"manual": {"targetNodeCount": 2}}}}
            await client.send("PATCH", f"{self.workspace}/clusters/c{API}", scale)
            ends = await self._ends(client, count)
        tenth = max(1, count // 10)
        return {
            "submitted_per_s": round(count / seconds, 1),
            "bytes_per_waiting_job": round(memory),
            "jobs_per_s": round(count / (ends[-1] - ends[0]), 2),
            "jobs_per_s_by_tenth": [
                round(tenth / (ends[(n + 1) * tenth] - ends[n * tenth]), 2) for n in range(count // tenth)
            ],
        }

    async def _ends(self, client: Connection, count: int) -> list[float]:
        """Wait for the ends of all jobs; returns them in order. Polls only the last job, because lists are long."""
        while b'"endTime"' not in (await client.send("GET", f"{self.jobs}/q{count - 1}{API}"))[2]:
            await asyncio.sleep(0.5)
        while True:
            jobs = [job async for job in self._list_jobs(client)]
            ended = [end for job in jobs if (end := job["properties"].get("executionInfo", {}).get("endTime"))]
            if len(ended) > count:
                return sorted(datetime.fromisoformat(end).timestamp() for end in ended)
            await asyncio.sleep(1)

    async def _list_jobs(self, client: Connection) -> Any:
        path = f"{self.jobs}{API}"
        while path:
            page = json.loads((await client.send("GET", path))[2])
            for job in page["value"]:
                yield job
            path = page.get("nextLink", "").removeprefix(f"https://{HOST}")


def write_body(directory: Path, document: object) -> Path:
    """Write a document to a file for wrk."""
    file = directory / "body.json"
    file.write_text(json.dumps(document))
    return file
