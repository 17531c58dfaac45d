"""One job from sign-in to clean-up on azure-mgmt-batchai 2.0.0, API version 2018-05-01."""
# ruff: noqa: T201

import os
import time

import requests
from azure.common.credentials import ServicePrincipalCredentials
from azure.mgmt.batchai import BatchAIManagementClient, models
from azure.mgmt.resource import ResourceManagementClient
from azure.storage.file import FileService
from msrestazure.azure_exceptions import CloudError

GROUP, SHARE = "foreign-2-0-0", "foreign200"
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
resources.resource_groups.create_or_update(GROUP, {"location": "northeurope"})

files = FileService(account, key)
files.create_share(SHARE, fail_on_exist=False)
files.create_directory(SHARE, "scripts", fail_on_exist=False)
files.create_file_from_text(SHARE, "scripts", "greet.sh", "echo $GREETING from $SECRET | tee $AZ_BATCHAI_OUTPUT_OUT/it")

batchai.workspaces.create(GROUP, "w", "northeurope").result()
batchai.workspaces.update(GROUP, "w", tags={"made": "abroad"})
assert batchai.workspaces.get(GROUP, "w").tags == {"made": "abroad"}
batchai.experiments.create(GROUP, "w", "e").result()

mount = models.AzureFileShareReference(
    account_name=account,
    azure_file_url=f"https://{account}.file.core.windows.net/{SHARE}",
    credentials=models.AzureStorageCredentialsInfo(account_key=key),
    relative_mount_path="afs",
)
cluster = batchai.clusters.create(
    GROUP,
    "w",
    "c",
    models.ClusterCreateParameters(
        vm_size="STANDARD_NC6",
        vm_priority=models.VmPriority.lowpriority,
        user_account_settings=models.UserAccountSettings(admin_user_name="u", admin_user_password="p4$sw0rd"),
        scale_settings=models.ScaleSettings(manual=models.ManualScaleSettings(target_node_count=1)),
        node_setup=models.NodeSetup(mount_volumes=models.MountVolumes(azure_file_shares=[mount])),
    ),
).result()
assert cluster.node_setup.mount_volumes.azure_file_shares[0].credentials.account_key is None

while batchai.clusters.get(GROUP, "w", "c").node_state_counts.idle_node_count < 1:
    time.sleep(0.2)
(login,) = batchai.clusters.list_remote_login_information(GROUP, "w", "c")
print("node", login.node_id, login.ip_address, login.port)
assert [cluster.name for cluster in batchai.clusters.list_by_workspace(GROUP, "w")] == ["c"]

batchai.jobs.create(
    GROUP,
    "w",
    "e",
    "j",
    models.JobCreateParameters(
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
    job = batchai.jobs.get(GROUP, "w", "e", "j")
    if job.execution_state in (models.ExecutionState.succeeded, models.ExecutionState.failed):
        break
    time.sleep(0.2)
print("job", job.execution_state, job.execution_info.exit_code)
assert job.execution_info.exit_code == 0
assert job.secrets[0].value is None
assert [listed.name for listed in batchai.jobs.list_by_experiment(GROUP, "w", "e")] == ["j"]

for directory in ("stdouterr", "OUT"):
    options = models.JobsListOutputFilesOptions(outputdirectoryid=directory)
    for file in batchai.jobs.list_output_files(GROUP, "w", "e", "j", options):
        text = requests.get(file.download_url).text
        print("file", directory, file.name, repr(text) if file.name in ("stdout.txt", "it") else len(text))

batchai.jobs.terminate(GROUP, "w", "e", "j").result()
batchai.jobs.delete(GROUP, "w", "e", "j").result()
try:
    batchai.jobs.get(GROUP, "w", "e", "j")
except CloudError as error:
    print("get", error.status_code, error.message)
batchai.clusters.delete(GROUP, "w", "c").result()
batchai.workspaces.delete(GROUP, "w").result()
assert list(batchai.workspaces.list_by_resource_group(GROUP)) == []
resources.resource_groups.delete(GROUP).wait()
print("deleted", GROUP)
