"""One job from sign-in to clean-up on azure-mgmt-batchai 7.0.0's asynchronous client, API version 2018-05-01."""
# ruff: noqa: T201

import asyncio
import os

import aiohttp
from azure.core.exceptions import ResourceNotFoundError
from azure.identity.aio import EnvironmentCredential
from azure.mgmt.batchai import models
from azure.mgmt.batchai.aio import BatchAI
from azure.mgmt.resource.resources.aio import ResourceManagementClient
from azure.storage.fileshare.aio import ShareClient

GROUP, SHARE = "foreign-7-0-0-aio", "foreign700aio"
account, key = os.environ["HARNESS_STORAGE_ACCOUNT"], os.environ["HARNESS_STORAGE_KEY"]
address = f"https://{account}.file.core.windows.net"
subscription = os.environ["AZURE_SUBSCRIPTION_ID"]


async def download(url: str) -> str:
    """Return the text at a download link."""
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(url) as answer:
        return await answer.text()


async def prepare_group(resources: ResourceManagementClient) -> None:
    """Register the provider, and create the group."""
    await resources.providers.register("Microsoft.BatchAI")
    while (await resources.providers.get("Microsoft.BatchAI")).registration_state != "Registered":
        pass
    await resources.resource_groups.create_or_update(GROUP, {"location": "northeurope"})


async def make_cluster(batchai: BatchAI) -> models.Cluster:
    """One node with the share mounted; returns when it is idle."""
    mount = models.AzureFileShareReference(
        account_name=account,
        azure_file_url=f"{address}/{SHARE}",
        credentials=models.AzureStorageCredentialsInfo(account_key=key),
        relative_mount_path="afs",
    )
    parameters = models.ClusterCreateParameters(
        vm_size="STANDARD_NC6",
        user_account_settings=models.UserAccountSettings(admin_user_name="u", admin_user_password="p4$sw0rd"),
        scale_settings=models.ScaleSettings(manual=models.ManualScaleSettings(target_node_count=1)),
        node_setup=models.NodeSetup(mount_volumes=models.MountVolumes(azure_file_shares=[mount])),
    )
    cluster = await (await batchai.clusters.begin_create(GROUP, "w", "c", parameters)).result()
    while (await batchai.clusters.get(GROUP, "w", "c")).node_state_counts.idle_node_count < 1:
        await asyncio.sleep(0.2)
    logins = [login async for login in batchai.clusters.list_remote_login_information(GROUP, "w", "c")]
    print("node", logins[0].node_id, logins[0].ip_address, logins[0].port)
    return cluster


async def run_job(batchai: BatchAI, cluster: models.Cluster) -> None:
    """Until it has ended."""
    parameters = models.JobCreateParameters(
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
    )
    await (await batchai.jobs.begin_create(GROUP, "w", "e", "j", parameters)).result()
    while True:
        job = await batchai.jobs.get(GROUP, "w", "e", "j")
        if job.execution_state in ("succeeded", "failed"):
            break
        await asyncio.sleep(0.2)
    print("job", job.execution_state, job.execution_info.exit_code)
    for directory in ("stdouterr", "OUT"):
        options = models.JobsListOutputFilesOptions(outputdirectoryid=directory)
        async for file in batchai.jobs.list_output_files(GROUP, "w", "e", "j", options):
            text = await download(file.download_url)
            print("file", directory, file.name, repr(text) if file.name in ("stdout.txt", "it") else len(text))


async def delete_all(batchai: BatchAI, resources: ResourceManagementClient) -> None:
    """Job, cluster, workspace, group."""
    await (await batchai.jobs.begin_delete(GROUP, "w", "e", "j")).result()
    try:
        await batchai.jobs.get(GROUP, "w", "e", "j")
    except ResourceNotFoundError as error:
        print("get", error.status_code, error.error.code)
    await (await batchai.clusters.begin_delete(GROUP, "w", "c")).result()
    await (await batchai.workspaces.begin_delete(GROUP, "w")).result()
    await (await resources.resource_groups.begin_delete(GROUP)).result()
    print("deleted", GROUP)


async def main() -> None:
    """Run a job from sign-in to clean-up."""
    async with (
        EnvironmentCredential() as credential,
        BatchAI(credential, subscription) as batchai,
        ResourceManagementClient(credential, subscription) as resources,
        ShareClient(address, SHARE, credential=key) as share,
    ):
        await prepare_group(resources)
        await share.create_share()
        await share.create_directory("scripts")
        script = b"echo $GREETING from $SECRET | tee $AZ_BATCHAI_OUTPUT_OUT/it"
        await share.get_file_client("scripts/greet.sh").upload_file(script)
        location = models.WorkspaceCreateParameters(location="northeurope")
        await (await batchai.workspaces.begin_create(GROUP, "w", location)).result()
        await (await batchai.experiments.begin_create(GROUP, "w", "e")).result()
        await run_job(batchai, await make_cluster(batchai))
        await delete_all(batchai, resources)


asyncio.run(main())
