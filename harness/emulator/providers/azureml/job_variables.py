"""Environment variables of jobs: those that Azure ML sets for runs, and those that make clients use the emulator.

``AZUREML_*`` and ``MLFLOW_*`` follow public dumps of the variables of jobs. The variables of the proxy and the
certificate authority are the emulator's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.emulator.engine.model.records import Workspace
from harness.emulator.providers.azureml.model.job import JobDetails, RunExperiment, experiment_key
from harness.emulator.providers.azureml.model.workspace import WorkspaceDetails, api_host
from harness.emulator.providers.azureml.run_tokens import RunTokens
from harness.emulator.store import Store


@dataclass(slots=True)
class ProxySettings:
    """The emulator's proxy and certificate authority; empty until it listens, which is before any job starts."""

    proxy_url: str = ""
    ca_path: str = ""

    def variables(self) -> dict[str, str]:
        """The variables that make clients send their requests to the emulator."""
        proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), self.proxy_url)
        direct = {"NO_PROXY": "", "no_proxy": ""}
        return proxies | direct | dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), self.ca_path)


@dataclass(frozen=True, slots=True)
class JobVariables:
    """Builds the environment variables of a job."""

    store: Store
    tokens: RunTokens
    proxy_settings: ProxySettings

    def __call__(self, workspace: Workspace, details: JobDetails) -> Mapping[str, str]:
        """The variables of a job, which include its token."""
        experiment = self.store.get(RunExperiment, experiment_key(workspace, details.experiment))
        workspace_details = self.store.get(WorkspaceDetails, workspace.key)
        identifier, address = workspace.address.id("workspace"), workspace.address
        token, expiry = self.tokens.issue(workspace.key, details.name)
        experiment_id = experiment.id if experiment else ""
        endpoint = f"https://{api_host(workspace.location)}"
        return {
            **self.proxy_settings.variables(),
            "AZUREML_RUN_ID": details.name,
            "AZUREML_ROOT_RUN_ID": details.name,
            "AZUREML_EXPERIMENT_ID": experiment_id,
            "AZUREML_ARM_PROJECT_NAME": details.experiment,
            "AZUREML_ARM_SUBSCRIPTION": address.subscription,
            "AZUREML_ARM_RESOURCEGROUP": address.group,
            "AZUREML_ARM_WORKSPACE_NAME": address.name,
            "AZUREML_WORKSPACE_ID": workspace_details.workspace_id if workspace_details else "",
            "AZUREML_WORKSPACE_SCOPE": identifier,
            "AZUREML_EXPERIMENT_SCOPE": f"{identifier}/experiments/{details.experiment}",
            "AZUREML_SERVICE_ENDPOINT": endpoint,
            "AZUREML_RUN_HISTORY_SERVICE_ENDPOINT": endpoint,
            "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"{endpoint}/discovery",
            "AZUREML_RUN_TOKEN": token,
            "AZUREML_RUN_TOKEN_EXPIRY": str(expiry),
            "AZUREML_COMPUTE_USE_COMMON_RUNTIME": "true",
            "MLFLOW_TRACKING_URI": f"azureml://{api_host(workspace.location)}/mlflow/v1.0{identifier}",
            "MLFLOW_TRACKING_TOKEN": token,
            "MLFLOW_RUN_ID": details.name,
            "MLFLOW_EXPERIMENT_ID": experiment_id,
            "MLFLOW_EXPERIMENT_NAME": details.experiment,
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
