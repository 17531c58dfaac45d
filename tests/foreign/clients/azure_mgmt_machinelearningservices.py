# ruff: noqa: T201
"""azure-mgmt-machinelearningservices: a compute and a job by the management client only."""

import os
import time
import uuid

from azure.identity import DefaultAzureCredential
from azure.mgmt.machinelearningservices import MachineLearningServicesMgmtClient
from azure.mgmt.machinelearningservices.models import (
    AmlCompute,
    AmlComputeProperties,
    CommandJob,
    ComputeResource,
    JobBase,
    ScaleSettings,
)

workspace = (os.environ["HARNESS_AZUREML_RESOURCE_GROUP"], os.environ["HARNESS_AZUREML_WORKSPACE"])
client = MachineLearningServicesMgmtClient(DefaultAzureCredential(), os.environ["AZURE_SUBSCRIPTION_ID"])
print("workspace", client.workspaces.get(*workspace).name)
properties = AmlComputeProperties(vm_size="STANDARD_DS3_V2", scale_settings=ScaleSettings(max_node_count=1))
resource = ComputeResource(location="eastus", properties=AmlCompute(properties=properties))
compute = client.compute.begin_create_or_update(*workspace, "mgmt", resource).result()
print("compute", compute.properties.provisioning_state)
name = f"job{uuid.uuid4().hex[:8]}"
job = CommandJob(command="echo hello", environment_id="azureml:AzureML-sklearn-1.0:1", compute_id=compute.id)
print("submitted", client.jobs.create_or_update(*workspace, name, JobBase(properties=job)).properties.status)
while client.jobs.get(*workspace, name).properties.status not in ("Completed", "Failed", "Canceled"):
    time.sleep(0.1)
print("ended", client.jobs.get(*workspace, name).properties.status)
client.jobs.begin_cancel(*workspace, name).wait()
client.jobs.begin_delete(*workspace, name).wait()
print("jobs", name in [job.name for job in client.jobs.list(*workspace)])
client.compute.begin_delete(*workspace, "mgmt", "Delete").wait()
