"""One job from sign-in to clean-up on azure-mgmt-batchai 1.0.1, API version 2018-03-01."""
# ruff: noqa: T201

import os
import time

import requests
from azure.common.credentials import ServicePrincipalCredentials
from azure.mgmt.batchai import BatchAIManagementClient, models
from azure.mgmt.resource import ResourceManagementClient
from azure.storage.file import FileService
from msrestazure.azure_exceptions import CloudError

GROUP, SHARE = "foreign-1-0-1", "foreign101"
account, key = os.environ["HARNESS_STORAGE_ACCOUNT"], os.environ["HARNESS_STORAGE_KEY"]
subscription = os.environ["AZURE_SUBSCRIPTION_ID"]
credentials = ServicePrincipalCredentials(
    client_id=os.environ["AZURE_CLIENT_ID"],
    secret=os.environ["AZURE_CLIENT_SECRET"],
    tenant=os.environ["AZURE_TENANT_ID"],
)
batchai = BatchAIManagementClient(credentials, subscription)
resources = ResourceManagementClient(credentials, subscription)

resources.providers.register("Microsoft.BatchAI")
while resources.providers.get("Microsoft.BatchAI").registration_state != "Registered":
    pass
resources.resource_groups.create_or_update(GROUP, {"location": "westeurope"})

files = FileService(account, key)
files.create_share(SHARE, fail_on_exist=False)
files.create_directory(SHARE, "scripts", fail_on_exist=False)
files.create_file_from_text(SHARE, "scripts", "greet.sh", "echo $GREETING from $SECRET | tee $AZ_BATCHAI_OUTPUT_OUT/it")

mount = models.AzureFileShareReference(
    account_name=account,
    azure_file_url=f"https://{account}.file.core.windows.net/{SHARE}",
    credentials=models.AzureStorageCredentialsInfo(account_key=key),
    relative_mount_path="afs",
)
cluster = batchai.clusters.create(
    GROUP,
    "c",
    models.ClusterCreateParameters(
        location="westeurope",
        vm_size="STANDARD_D1",
        user_account_settings=models.UserAccountSettings(admin_user_name="u", admin_user_password="p4$sw0rd"),
        scale_settings=models.ScaleSettings(manual=models.ManualScaleSettings(target_node_count=1)),
        node_setup=models.NodeSetup(mount_volumes=models.MountVolumes(azure_file_shares=[mount])),
    ),
).result()
assert cluster.location == "westeurope", cluster.location
assert cluster.node_setup.mount_volumes.azure_file_shares[0].credentials.account_key is None

while batchai.clusters.get(GROUP, "c").node_state_counts.idle_node_count < 1:
    time.sleep(0.2)
(login,) = batchai.clusters.list_remote_login_information(GROUP, "c")
print("node", login.node_id, login.ip_address, login.port)
assert [cluster.name for cluster in batchai.clusters.list_by_resource_group(GROUP)] == ["c"]

batchai.jobs.create(
    GROUP,
    "j",
    models.JobCreateParameters(
        location="westeurope",
        cluster=models.ResourceId(id=cluster.id),
        node_count=1,
        std_out_err_path_prefix="$AZ_BATCHAI_MOUNT_ROOT/afs",
        input_directories=[models.InputDirectory(id="IN", path="$AZ_BATCHAI_MOUNT_ROOT/afs/scripts")],
        output_directories=[
            models.OutputDirectory(id="OUT", path_prefix="$AZ_BATCHAI_MOUNT_ROOT/afs", path_suffix="out")
        ],
        environment_variables=[models.EnvironmentVariable(name="GREETING", value="hello")],
        secrets=[models.EnvironmentVariableWithSecretValue(name="SECRET", value="foreigner")],
        custom_toolkit_settings=models.CustomToolkitSettings(command_line="sh $AZ_BATCHAI_INPUT_IN/greet.sh"),
    ),
).result()
while True:
    job = batchai.jobs.get(GROUP, "j")
    if job.execution_state in (models.ExecutionState.succeeded, models.ExecutionState.failed):
        break
    time.sleep(0.2)
print("job", job.execution_state, job.execution_info.exit_code)
assert job.execution_info.exit_code == 0
assert job.secrets[0].value is None

for directory in ("stdouterr", "OUT"):
    for file in batchai.jobs.list_output_files(
        GROUP, "j", models.JobsListOutputFilesOptions(outputdirectoryid=directory)
    ):
        text = requests.get(file.download_url).text
        print("file", directory, file.name, repr(text) if file.name in ("stdout.txt", "it") else len(text))

batchai.jobs.terminate(GROUP, "j").result()
batchai.jobs.delete(GROUP, "j").result()
try:
    batchai.jobs.get(GROUP, "j")
except CloudError as error:
    print("get", error.status_code)
batchai.clusters.delete(GROUP, "c").result()
assert list(batchai.clusters.list_by_resource_group(GROUP)) == []
resources.resource_groups.delete(GROUP).wait()
print("deleted", GROUP)
