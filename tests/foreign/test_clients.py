"""Unmodified third-party clients run on the emulator, from sign-in to clean-up."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from azure.storage.blob import ContainerClient
from azure.storage.file import FileService
from azure.storage.fileshare import ShareClient

from harness.data import prepare
from harness.emulator.endpoint import Endpoint
from harness.toolkits.interpreters import installed_cntk

CLIENTS = Path(__file__).parent / "clients"
CNTK = importlib.util.find_spec("torch") is not None or installed_cntk(os.environ).exists()

pytestmark = pytest.mark.slow  # installing their packages takes minutes

_EXCHANGED = 5 << 20  # bytes, larger than a range or block
_REFUSED_AND_DELETED = (  # the last lines of both clients of the JavaScript SDK
    "without the lease 412 LeaseIdMissing",
    "by sas true",
    "by sas 403 AuthorizationPermissionMismatch",
    "exists false",
)

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def quickstart(run_client: Run, tmp_path: Path) -> Callable[..., str]:
    """Runs the quickstart in a directory with the files that it asks its reader to download."""

    def run(*options: str) -> str:
        prepare(tmp_path, mnist_dir=None)
        shutil.copy(CLIENTS / "ConvNet_MNIST.py", tmp_path)
        process = run_client("quickstart_2017", "python", str(CLIENTS / "quickstart_2017.py"), *options)
        assert process.returncode == 0, process.stdout
        return process.stdout

    return run


def test_the_quickstart_of_2017_gets_its_cluster(quickstart: Callable[..., str]) -> None:
    printed = quickstart("--no-job")

    assert "steady Target: 1; Allocated: 1; Idle: 1; Unusable: 0; Running: 0; Preparing: 0" in printed
    assert re.search(r"Node: tvm-\d+_1-\d{8}t\d{6}z \d+\.\d+\.\d+\.\d+:50000", printed)
    assert printed.splitlines()[-1] == "Deleted myresourcegroup"


@pytest.mark.skipif(not CNTK, reason="CNTK is missing: neither PyTorch nor the toolkit cntk is installed")
def test_the_quickstart_of_2017_trains_its_model(quickstart: Callable[..., str]) -> None:
    printed = quickstart()

    assert "Job state: succeeded ExitCode: 0" in printed
    for name in ("stdout.txt", "stderr.txt", "quickstart.dnn"):
        assert re.search(
            rf"file: {name}, download url: https://\w+\.file\.core\.windows\.net/batchaiquickstart/", printed
        )


@pytest.mark.parametrize(
    ("script", "requirements"),
    [
        ("batchai_1_0_1", "batchai_1_0_1"),
        ("batchai_2_0_0", "batchai_2_0_0"),
        ("batchai_7_0_0", "batchai_7_0_0"),
        ("batchai_7_0_0_aio", "batchai_7_0_0"),
    ],
)
def test_an_sdk_runs_a_job(run_client: Run, script: str, requirements: str) -> None:
    process = run_client(requirements, "python", str(CLIENTS / f"{script}.py"))

    assert process.returncode == 0, process.stdout
    assert re.search(r"node tvm-\d+_1-\S+ \d+\.\d+\.\d+\.\d+ 50000", process.stdout)
    assert re.search(r"job \S*succeeded 0", process.stdout)
    assert r"file stdouterr stdout.txt 'hello from foreigner\n'" in process.stdout
    assert r"file OUT it 'hello from foreigner\n'" in process.stdout
    assert "get 404" in process.stdout
    assert process.stdout.splitlines()[-1].startswith("deleted foreign-")


def test_az_batchai_runs_a_job(run_client: Run) -> None:
    process = run_client("az", "sh", str(CLIENTS / "az_batchai.sh"))

    assert process.returncode == 0, process.stdout
    assert "Job completed at" in process.stdout
    assert process.stdout.count("hello from foreigner") == 2
    assert process.stdout.splitlines()[-1] == "deleted foreign-az"


def files_in(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


@pytest.fixture
def tree(tmp_path: Path) -> dict[str, bytes]:
    """The files of a directory ``tree``: one larger than a range, one in a subdirectory, an empty one."""
    contents = {"large.bin": os.urandom((5 << 20) + 1), "sub/small.txt": b"small\n", "empty": b""}
    for name, content in contents.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return contents


def test_az_of_today_takes_whole_folders_to_files_and_blobs_and_back(
    run_client: Run, tree: dict[str, bytes], tmp_path: Path
) -> None:
    process = run_client("az_today", "sh", str(CLIENTS / "az_today.sh"))

    assert process.returncode == 0, process.stdout
    assert files_in(tmp_path / "from-files") == {f"up/{name}": content for name, content in tree.items()}
    assert files_in(tmp_path / "from-blobs") == tree
    lines = process.stdout.splitlines()
    assert "https://foreigntoday.file.core.windows.net/files/up/large.bin" in lines
    assert "me" in lines  # the metadata
    assert lines[-1] == "false"


@pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed on this machine")
def test_rclone_takes_a_folder_to_blobs_and_back(run_program: Run, tree: dict[str, bytes], tmp_path: Path) -> None:
    process = run_program("sh", str(CLIENTS / "rclone.sh"))

    assert process.returncode == 0, process.stdout
    assert files_in(tmp_path / "back") == tree
    lines = process.stdout.splitlines()
    assert {line for line in lines if line.startswith("up/")} == {"up/changed.txt", "up/empty", "up/large.bin"}
    assert {"streamed", "changed"} <= set(lines)
    assert lines[-1] == "rclone has cleaned up"


def test_pandas_and_fsspec_work_on_blobs(run_client: Run) -> None:
    process = run_client("adlfs", "python", str(CLIENTS / "adlfs_blobs.py"))

    assert process.returncode == 0, process.stdout
    paths = [
        f"frames/{path}"
        for path in (
            *("a/1.txt", "a/b/2.txt", "copies/large.bin", "large.bin"),
            *("logs/log.txt", "runs/1/metrics.csv", "runs/1/metrics.jsonl.gz"),
        )
    ]
    assert process.stdout.splitlines() == [
        "frame True",
        "json 1000",
        "part True",
        "tail True",
        r"log b'one\ntwo\n'",
        "copy True",
        f"found {paths}",
        "globbed ['frames/a/1.txt', 'frames/a/b/2.txt', 'frames/logs/log.txt']",
        "walked [('frames/a', ['1.txt']), ('frames/a/b', ['2.txt'])]",
        "info 9437184 True False",
        "exists False",
        "deleted False",
    ]


@pytest.fixture
def by_node(run_program: Run, node_modules: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Exchanges content with a client of the JavaScript SDK in the share or container ``fornode``.

    The client prints lines, which are returned, after it has read ``new/sdk.bin`` and written ``new/node.bin``.
    """

    def exchange(client: str, write: Callable[[str, bytes], object], read: Callable[[str], bytes]) -> list[str]:
        client_content, sdk_content = os.urandom(_EXCHANGED), os.urandom(_EXCHANGED)
        (tmp_path / "mine.bin").write_bytes(client_content)
        write("new/sdk.bin", sdk_content)
        node = shutil.which("node") or "node"
        process = run_program(node, str(CLIENTS / client), "fornode", NODE_PATH=str(node_modules))
        assert process.returncode == 0, process.stdout
        assert (tmp_path / "sdk.bin").read_bytes() == sdk_content
        assert read("new/node.bin") == client_content
        return process.stdout.splitlines()

    return exchange


def test_node_and_python_read_one_anothers_bytes(by_node: Callable[..., list[str]], endpoint: Endpoint) -> None:
    url, proxies = f"https://{endpoint.storage_account}.file.core.windows.net", {"https": endpoint.proxy_url}
    with ShareClient(
        url, "fornode", credential=endpoint.storage_key, proxies=proxies, connection_verify=endpoint.ca_path
    ) as share:
        share.create_share()
        share.create_directory("new")
        printed = by_node(
            "files.js",
            lambda path, content: share.get_file_client(path).upload_file(content),
            lambda path: share.get_file_client(path).download_file().readall(),
        )
        share.delete_share()

    assert printed == [
        "metadata node",
        f"listed file g.bin {_EXCHANGED}",
        "copy success",
        *_REFUSED_AND_DELETED,
    ]


def test_node_and_python_read_one_anothers_blobs(by_node: Callable[..., list[str]], endpoint: Endpoint) -> None:
    url, proxies = f"https://{endpoint.storage_account}.blob.core.windows.net", {"https": endpoint.proxy_url}
    with ContainerClient(
        url, "fornode", credential=endpoint.storage_key, proxies=proxies, connection_verify=endpoint.ca_path
    ) as container:
        container.create_container()
        printed = by_node("blobs.js", container.upload_blob, lambda path: container.download_blob(path).readall())
        container.delete_container()

    assert printed == [
        "metadata node",
        "listed prefix d/",
        f"listed d/b.bin {_EXCHANGED} application/x-node",
        "appended one two",
        "copy success",
        "snapshot true",
        *_REFUSED_AND_DELETED,
    ]


def test_az_storage_file_and_both_sdks_read_one_anothers_bytes(
    run_client: Run, endpoint: Endpoint, tmp_path: Path
) -> None:
    written = {name: os.urandom(5 << 20) for name in ("mine.bin", "sdk.bin", "old.bin")}  # more than one range
    (tmp_path / "mine.bin").write_bytes(written["mine.bin"])
    account, key, share = endpoint.storage_account, endpoint.storage_key, "azstorage"
    proxies = {"https": endpoint.proxy_url}
    url = f"https://{account}.file.core.windows.net"
    with requests.Session() as session, ShareClient(
        url, share, credential=key, proxies=proxies, connection_verify=endpoint.ca_path
    ) as new:  # fmt: skip
        session.trust_env, session.proxies, session.verify = False, proxies, endpoint.ca_path
        old = FileService(account, key, request_session=session)
        new.create_share()
        new.create_directory("new").upload_file("sdk.bin", written["sdk.bin"])
        old.create_file_from_bytes(share, None, "old.bin", written["old.bin"])

        process = run_client("az", "sh", str(CLIENTS / "az_storage.sh"), share)

        assert process.returncode == 0, process.stdout
        assert {name: (tmp_path / name).read_bytes() for name in ("sdk.bin", "old.bin")} == {
            name: written[name] for name in ("sdk.bin", "old.bin")
        }
        assert new.get_file_client("new/az.bin").download_file().readall() == written["mine.bin"]
        assert old.get_file_to_bytes(share, "new", "az.bin").content == written["mine.bin"]
        assert new.get_file_client("old.bin").download_file().readall() == written["old.bin"]
        new.delete_share()


def test_azure_ai_ml_trains_streams_downloads_and_cleans_up(run_client: Run) -> None:
    process = run_client("azure_ai_ml", "python", "-W", "ignore", str(CLIENTS / "azure_ai_ml.py"))

    assert process.returncode == 0, process.stdout
    lines = process.stdout.splitlines()
    for line in (
        "workspace eastus",
        "compute 2",
        "compute 3",
        "default datastore workspaceblobstore",
        "datastore mine",
        "data greeting 1",
        "submitted True",
        "epoch 2",
        "ended True",
        "downloaded model 0.1",
        "output hello data",
        "listed True",
        "model trained ['2', '1']",
        "model 0.1",
        "rank 0 of 2",
        "failed True",
        "cancelled True",
        "archived True",
        "computes []",
    ):
        assert line in lines, f"{line!r} is missing from:\n{process.stdout}"


def test_the_management_client_of_azure_ml_runs_a_job(run_client: Run) -> None:
    process = run_client("azure_ai_ml", "python", str(CLIENTS / "azure_mgmt_machinelearningservices.py"))

    assert process.returncode == 0, process.stdout
    assert process.stdout.splitlines() == [
        "workspace azureml", "compute Succeeded", "submitted Starting", "ended Completed", "jobs False"
    ]  # fmt: skip


def test_mlflow_logs_with_its_plugin_in_a_job_and_without_the_plugin(run_client: Run) -> None:
    process = run_client("mlflow", "python", "-W", "ignore", str(CLIENTS / "mlflow_runs.py"))

    assert process.returncode == 0, process.stdout
    lines = process.stdout.splitlines()
    for line in (
        *(f"{kind} FINISHED {{'loss': 0.5, 'x': 1.0, 'y': 2.0}} {{'lr': '0.1'}} test" for kind in ("plugin", "plain")),
        "plugin [(1, 0.5)]",
        "plain [(1, 0.5)]",
        "plugin 1",
        "artifact hello",
        "job Completed",
        "in job {'loss': 0.25}",
    ):
        assert line in lines, f"{line!r} is missing from:\n{process.stdout}"
