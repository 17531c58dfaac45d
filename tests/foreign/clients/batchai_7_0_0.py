"""One job from sign-in to clean-up on azure-mgmt-batchai 7.0.0, API version 2018-05-01."""
# ruff: noqa: T201

import os
import time

import requests
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.identity import EnvironmentCredential
from azure.mgmt.batchai import BatchAI, models
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.storage.fileshare import ShareClient

GROUP, SHARE = "foreign-7-0-0", "foreign700"
account, key = os.environ["HARNESS_STORAGE_ACCOUNT"], os.environ["HARNESS_STORAGE_KEY"]
address = f"https://{account}.file.core.windows.net"
subscription = os.environ["AZURE_SUBSCRIPTION_ID"]
credential = EnvironmentCredential()
batchai = BatchAI(credential, subscription)
resources = ResourceManagementClient(credential, subscription)

resources.providers.register("Microsoft.BatchAI")
while resources.providers.get("Microsoft.BatchAI").registration_state != "Registered":
    pass
resources.resource_groups.create_or_update(GROUP, {"location": "northeurope"})

share = ShareClient(address, SHARE, credential=key)
try:
    share.create_share()
except ResourceExistsError:
    print("the share is there")
if not share.get_directory_client("scripts").exists():
    share.create_directory("scripts")
share.get_file_client("scripts/greet.sh").upload_file(b"echo $GREETING from $SECRET | tee $AZ_BATCHAI_OUTPUT_OUT/it")

batchai.workspaces.begin_create(GROUP, "w", models.WorkspaceCreateParameters(location="northeurope")).result()
batchai.experiments.begin_create(GROUP, "w", "e").result()

mount = models.AzureFileShareReference(
    account_name=account,
    azure_file_url=f"{address}/{SHARE}",
    credentials=models.AzureStorageCredentialsInfo(account_key=key),
    relative_mount_path="afs",
)
cluster = batchai.clusters.begin_create(
    GROUP,
    "w",
    "c",
    models.ClusterCreateParameters(
        vm_size="STANDARD_NC6",
        user_account_settings=models.UserAccountSettings(admin_user_name="u", admin_user_password="p4$sw0rd"),
        scale_settings=models.ScaleSettings(
            auto_scale=models.AutoScaleSettings(minimum_node_count=0, maximum_node_count=1, initial_node_count=1)
        ),
        node_setup=models.NodeSetup(mount_volumes=models.MountVolumes(azure_file_shares=[mount])),
    ),
).result()
updated = batchai.clusters.update(
    GROUP,
    "w",
    "c",
    models.ClusterUpdateParameters(
        scale_settings=models.ScaleSettings(manual=models.ManualScaleSettings(target_node_count=1))
    ),
)
assert updated.scale_settings.auto_scale is None

while batchai.clusters.get(GROUP, "w", "c").node_state_counts.idle_node_count < 1:
    time.sleep(0.2)
(login,) = batchai.clusters.list_remote_login_information(GROUP, "w", "c")
print("node", login.node_id, login.ip_address, login.port)
assert [cluster.name for cluster in batchai.clusters.list_by_workspace(GROUP, "w")] == ["c"]

batchai.jobs.begin_create(
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
    if job.execution_state in ("succeeded", "failed"):
        break
    time.sleep(0.2)
print("job", job.execution_state, job.execution_info.exit_code)
assert job.execution_info.exit_code == 0

for directory in ("stdouterr", "OUT"):
    options = models.JobsListOutputFilesOptions(outputdirectoryid=directory)
    for file in batchai.jobs.list_output_files(GROUP, "w", "e", "j", options):
        text = requests.get(file.download_url, timeout=30).text
        print("file", directory, file.name, repr(text) if file.name in ("stdout.txt", "it") else len(text))

batchai.jobs.begin_terminate(GROUP, "w", "e", "j").result()
batchai.jobs.begin_delete(GROUP, "w", "e", "j").result()
try:
    batchai.jobs.get(GROUP, "w", "e", "j")
except ResourceNotFoundError as error:
    print("get", error.status_code, error.error.code)
batchai.clusters.begin_delete(GROUP, "w", "c").result()
batchai.workspaces.begin_delete(GROUP, "w").result()
print("usages", len(list(batchai.usages.list("northeurope"))), "operations", len(list(batchai.operations.list())))
resources.resource_groups.begin_delete(GROUP).result()
print("deleted", GROUP)
