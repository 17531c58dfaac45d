"""Microsoft's Python quickstart of Azure Batch AI as its readers typed it in autumn 2017, on azure-mgmt-batchai 0.2.0.

Only the first paragraph is ours: the values that the reader filled in come from the environment. It expects the two
data files and the training script in the current directory, as the quickstart had its reader download them.

    quickstart_2017.py [--no-job]       --no-job leaves the training out
"""
# ruff: noqa - as it was published

import os
import sys

client_id = os.environ["AZURE_CLIENT_ID"]
secret = os.environ["AZURE_CLIENT_SECRET"]
token_uri = "https://login.microsoftonline.com/{0}/oauth2/token".format(os.environ["AZURE_TENANT_ID"])
subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
storage_account_name = os.environ["HARNESS_STORAGE_ACCOUNT"]
storage_account_key = os.environ["HARNESS_STORAGE_KEY"]
admin_user_name = "quickstart"
admin_user_password = "Qu1ck$tart"

# Authentication
from azure.common.credentials import ServicePrincipalCredentials
import azure.mgmt.batchai as batchai
import azure.mgmt.batchai.models as models

creds = ServicePrincipalCredentials(client_id=client_id, secret=secret, token_uri=token_uri)

batchai_client = batchai.BatchAIManagementClient(credentials=creds, subscription_id=subscription_id)

# Create resource group
from azure.mgmt.resource import ResourceManagementClient

resource_group_name = "myresourcegroup"

resource_management_client = ResourceManagementClient(credentials=creds, subscription_id=subscription_id)
resource_management_client.providers.register("Microsoft.BatchAI")
resource_management_client.providers.register("Microsoft.Batch")
while resource_management_client.providers.get("Microsoft.BatchAI").registration_state != "Registered":
    print("Registering Microsoft.BatchAI")
resource = resource_management_client.resource_groups.create_or_update(resource_group_name, {"location": "eastus"})

# Prepare Azure file share
from azure.storage.file import FileService

azure_file_share_name = "batchaiquickstart"

service = FileService(storage_account_name, storage_account_key)

service.create_share(azure_file_share_name, fail_on_exist=False)

mnist_dataset_directory = "mnistcntksample"

service.create_directory(azure_file_share_name, mnist_dataset_directory, fail_on_exist=False)

for f in ["Train-28x28_cntk_text.txt", "Test-28x28_cntk_text.txt", "ConvNet_MNIST.py"]:
    service.create_file_from_path(azure_file_share_name, mnist_dataset_directory, f, f)

# Create GPU cluster
cluster_name = "mycluster"

relative_mount_point = "azurefileshare"

parameters = models.ClusterCreateParameters(
    # Location where the cluster will physically be deployed
    location="eastus",
    # VM size. Use NC or NV series for GPU
    vm_size="STANDARD_NC6",
    # Configure the ssh users
    user_account_settings=models.UserAccountSettings(
        admin_user_name=admin_user_name, admin_user_password=admin_user_password
    ),
    # Number of VMs in the cluster
    scale_settings=models.ScaleSettings(manual=models.ManualScaleSettings(target_node_count=1)),
    # Configure each node in the cluster
    node_setup=models.NodeSetup(
        # Mount shared volumes to the host
        mount_volumes=models.MountVolumes(
            azure_file_shares=[
                models.AzureFileShareReference(
                    account_name=storage_account_name,
                    credentials=models.AzureStorageCredentialsInfo(account_key=storage_account_key),
                    azure_file_url="https://{0}.file.core.windows.net/{1}".format(
                        storage_account_name, azure_file_share_name
                    ),
                    relative_mount_path=relative_mount_point,
                )
            ],
        ),
    ),
)
batchai_client.clusters.create(resource_group_name, cluster_name, parameters).result()


# Get cluster status
def print_cluster_status(cluster):
    print(
        "Cluster state: {0} Target: {1}; Allocated: {2}; Idle: {3}; Unusable: {4}; Running: {5}; Preparing: {6}".format(
            cluster.allocation_state,
            cluster.scale_settings.manual.target_node_count,
            cluster.current_node_count,
            cluster.node_state_counts.idle_node_count,
            cluster.node_state_counts.unusable_node_count,
            cluster.node_state_counts.running_node_count,
            cluster.node_state_counts.preparing_node_count,
        )
    )
    if not cluster.errors:
        return
    for error in cluster.errors:
        print("Cluster error: {0}: {1}".format(error.code, error.message))
        if error.details:
            print("Details:")
            for detail in error.details:
                print("{0}: {1}".format(detail.name, detail.value))


import time

while True:
    cluster = batchai_client.clusters.get(resource_group_name, cluster_name)
    print_cluster_status(cluster)
    if cluster.node_state_counts.idle_node_count == 1:
        break
    time.sleep(1)

for login in batchai_client.clusters.list_remote_login_information(resource_group_name, cluster_name):
    print("Node: {0} {1}:{2}".format(login.node_id, login.ip_address, login.port))

# Create training job
job_name = "myjob"


def print_job_status(job):
    failure_message = None
    exit_code = "None"
    if job.execution_info is not None:
        exit_code = job.execution_info.exit_code
        if job.execution_state == models.ExecutionState.failed:
            failure_message = "; ".join(error.message for error in job.execution_info.errors)
    print("Job state: {0} ExitCode: {1}".format(job.execution_state.value, exit_code))
    if failure_message:
        print("Failure: {0}".format(failure_message))


if "--no-job" not in sys.argv:
    parameters = models.job_create_parameters.JobCreateParameters(
        # Location where the job will run
        # Ideally this should be co-located with the cluster.
        location="eastus",
        # The cluster this job will run on
        cluster=models.ResourceId(cluster.id),
        # The number of VMs in the cluster to use
        node_count=1,
        # Override the path where the std out and std err files will be written to.
        # In this case we will write these out to an Azure Files share
        std_out_err_path_prefix="$AZ_BATCHAI_MOUNT_ROOT/{0}".format(relative_mount_point),
        input_directories=[
            models.InputDirectory(
                id="SAMPLE",
                path="$AZ_BATCHAI_MOUNT_ROOT/{0}/{1}".format(relative_mount_point, mnist_dataset_directory),
            )
        ],
        # Specify directories where files will get written to
        output_directories=[
            models.OutputDirectory(
                id="MODEL",
                path_prefix="$AZ_BATCHAI_MOUNT_ROOT/{0}".format(relative_mount_point),
                path_suffix="Models",
            )
        ],
        # Container configuration
        container_settings=models.ContainerSettings(
            models.ImageSourceRegistry(image="microsoft/cntk:2.1-gpu-python3.5-cuda8.0-cudnn6.0")
        ),
        # Toolkit specific settings
        cntk_settings=models.CNTKsettings(
            python_script_file_path="$AZ_BATCHAI_INPUT_SAMPLE/ConvNet_MNIST.py",
            command_line_args="$AZ_BATCHAI_INPUT_SAMPLE $AZ_BATCHAI_OUTPUT_MODEL",
        ),
    )

    # Create the job
    batchai_client.jobs.create(resource_group_name, job_name, parameters).result()

    # Monitor job
    while True:
        job = batchai_client.jobs.get(resource_group_name, job_name)
        print_job_status(job)
        if job.execution_state in (models.ExecutionState.succeeded, models.ExecutionState.failed):
            break
        time.sleep(1)

    # List stdout and stderr output
    files = batchai_client.jobs.list_output_files(
        resource_group_name, job_name, models.JobsListOutputFilesOptions("stdouterr")
    )

    for file in list(files):
        print("file: {0}, download url: {1}".format(file.name, file.download_url))

    # List generated model files
    files = batchai_client.jobs.list_output_files(
        resource_group_name, job_name, models.JobsListOutputFilesOptions("MODEL")
    )

    for file in files:
        print("file: {0}, download url: {1}".format(file.name, file.download_url))

    # Delete resources
    batchai_client.jobs.delete(resource_group_name, job_name).result()

batchai_client.clusters.delete(resource_group_name, cluster_name).result()

resource_management_client.resource_groups.delete(resource_group_name).wait()
print("Deleted", resource_group_name)
