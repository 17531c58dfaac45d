# ruff: noqa: T201
"""azure-ai-ml as in its documentation: a compute, assets, jobs that run, fail and are cancelled."""

import os
from pathlib import Path

from azure.ai.ml import Input, MLClient, Output, command
from azure.ai.ml.entities import AccountKeyConfiguration, AmlCompute, AzureFileDatastore, Data, Environment, Model
from azure.ai.ml.exceptions import JobException
from azure.identity import DefaultAzureCredential

SCRIPT = """
import sys
for epoch in range(3):
    print("epoch", epoch, flush=True)
open("outputs/model.txt", "w").write("model " + sys.argv[1])
"""

ml = MLClient(
    DefaultAzureCredential(),
    os.environ["AZURE_SUBSCRIPTION_ID"],
    os.environ["HARNESS_AZUREML_RESOURCE_GROUP"],
    os.environ["HARNESS_AZUREML_WORKSPACE"],
)
Path("src").mkdir()
Path("src/train.py").write_text(SCRIPT)
Path("data.txt").write_text("hello data")

print("workspace", ml.workspaces.get(ml.workspace_name).location)
for max_nodes in (2, 3):
    size = AmlCompute(name="cpu", size="Standard_DS3_v2", min_instances=0, max_instances=max_nodes)
    print("compute", ml.compute.begin_create_or_update(size).result().max_instances)
print("default datastore", ml.datastores.get_default().name)
key = AccountKeyConfiguration(account_key=os.environ["HARNESS_STORAGE_KEY"])
share = AzureFileDatastore(
    name="mine", account_name=os.environ["HARNESS_STORAGE_ACCOUNT"], file_share_name="share", credentials=key
)
print("datastore", ml.datastores.create_or_update(share).name)
environment = ml.environments.create_or_update(
    Environment(name="image", image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04")
)
data = ml.data.create_or_update(Data(name="greeting", path="data.txt", type="uri_file"))
print("data", data.name, data.version)

first = ml.jobs.create_or_update(
    command(
        code="src",
        command="python3 train.py ${{inputs.lr}} && cat ${{inputs.greeting}} > ${{outputs.copies}}/copy.txt",
        environment=environment,
        compute="cpu",
        inputs={"lr": 0.1, "greeting": Input(type="uri_file", path=data.id)},
        outputs={"copies": Output(type="uri_folder")},
        experiment_name="training",
    )
)
print("submitted", first.status == "Starting")
ml.jobs.stream(first.name)
print("ended", ml.jobs.get(first.name).status == "Completed")
ml.jobs.download(first.name, all=True, download_path="got")
print("downloaded", Path("got/artifacts/outputs/model.txt").read_text())
print("output", Path("got/named-outputs/copies/copy.txt").read_text())
names = [job.name for job in ml.jobs.list() if job.experiment_name == first.experiment_name]
print("listed", names == [first.name])
for _ in range(2):
    path = f"azureml://jobs/{first.name}/outputs/artifacts/paths/outputs/"
    model = ml.models.create_or_update(Model(name="trained", path=path, type="custom_model"))
print("model", model.name, [version.version for version in ml.models.list("trained")])
latest = ml.models.get("trained", label="latest")
reader = ml.jobs.create_or_update(
    command(
        command="cat ${{inputs.model}}/model.txt",
        environment=environment,
        compute="cpu",
        inputs={"model": Input(type="custom_model", path=latest.id)},
    )
)
ml.jobs.stream(reader.name)

ranks = ml.jobs.create_or_update(
    command(
        code="src",
        command="echo rank $RANK of $WORLD_SIZE; python3 train.py again",
        environment=environment,
        compute="cpu",
        instance_count=2,
        distribution={"type": "pytorch", "process_count_per_instance": 1},
    )
)
ml.jobs.stream(ranks.name)
failing = ml.jobs.create_or_update(command(command="exit 3", environment=environment, compute="cpu"))
try:
    ml.jobs.stream(failing.name)
except JobException as error:
    print("failed", "status code 3" in str(error))
endless = ml.jobs.create_or_update(command(command="sleep 600", environment=environment))
ml.jobs.begin_cancel(endless.name).result()
print("cancelled", ml.jobs.get(endless.name).status == "Canceled")
ml.jobs.archive(endless.name)
print("archived", endless.name not in [job.name for job in ml.jobs.list()])
ml.compute.begin_delete("cpu").wait()
print("computes", [compute.name for compute in ml.compute.list()])
