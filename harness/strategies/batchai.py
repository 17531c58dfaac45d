"""Strategies for clusters and jobs of Batch AI, as in its API of 2018-05-01 and in ``az batchai ... create -f``."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from harness.strategies.words import IMAGES, VM_SIZES, identifiers, pruned, shell_words, storage_names, texts

_ROOT = "$AZ_BATCHAI_MOUNT_ROOT"
_SCRIPTED = ("cntkSettings", "pyTorchSettings", "caffeSettings", "chainerSettings", "horovodSettings")
_COMMANDED = ("customToolkitSettings", "customMpiSettings")


@st.composite
def batchai_clusters(
    draw: st.DrawFn,
    *,
    account: str = "mystorageaccount",
    key: str = "bXlrZXk=",
    shares: Sequence[str] = (),
    most: int = 3,
) -> dict[str, Any]:
    """Generate the parameters of a cluster: size, scale, mounts, a set-up task.

    Args:
        draw: provided by Hypothesis.
        account: the storage account of the mounted shares.
        key: the key of the account, as base64.
        shares: the shares that the cluster may mount, each at its name; default: generated names.
        most: the largest number of nodes.
    """
    names = list(shares) or draw(st.lists(storage_names(), min_size=1, max_size=2, unique=True))
    mounted = draw(st.lists(st.sampled_from(names), min_size=1, max_size=len(names), unique=True))
    nodes = draw(st.integers(1, most))
    least = draw(st.integers(0, nodes))
    manual = {"manual": {"targetNodeCount": nodes}}
    scaled = {"autoScale": {"minimumNodeCount": least, "maximumNodeCount": nodes, "initialNodeCount": least}}
    task = {
        "commandLine": " ".join(["echo", *draw(st.lists(shell_words(), max_size=3))]),
        "stdOutErrPathPrefix": f"{_ROOT}/{mounted[0]}",
    }
    return {
        "properties": pruned(
            {
                "vmSize": draw(st.sampled_from(VM_SIZES)),
                "vmPriority": draw(st.sampled_from([None, "dedicated", "lowpriority"])),
                "scaleSettings": draw(st.sampled_from([manual, scaled])),
                "userAccountSettings": {"adminUserName": "admin1", "adminUserPassword": "Not-a-secret-1"},
                "nodeSetup": pruned(
                    {
                        "mountVolumes": {"azureFileShares": [_share(account, key, name) for name in mounted]},
                        "setupTask": task if draw(st.booleans()) else None,
                    }
                ),
            }
        )
    }


@st.composite
def batchai_jobs(
    draw: st.DrawFn,
    *,
    cluster: str = "",
    account: str = "mystorageaccount",
    key: str = "bXlrZXk=",
    shares: Sequence[str] = (),
    most: int = 3,
) -> dict[str, Any]:
    """Generate the parameters of a job, which mounts the shares that it needs.

    Args:
        draw: provided by Hypothesis.
        cluster: the resource id of the job's cluster; empty for files of ``az``, which name no cluster.
        account: the storage account of the mounted shares.
        key: the key of the account, as base64.
        shares: the shares that the job may mount; default: generated names.
        most: the largest number of nodes.
    """
    names = list(shares) or draw(st.lists(storage_names(), min_size=1, max_size=2, unique=True))
    mounted = draw(st.lists(st.sampled_from(names), min_size=1, max_size=len(names), unique=True))
    directories = st.sampled_from([f"$AZ_BATCHAI_JOB_MOUNT_ROOT/{name}" for name in mounted])
    inputs = draw(st.dictionaries(identifiers(), directories, max_size=2))
    outputs = draw(st.dictionaries(identifiers(), directories, max_size=2))
    own = [*(f"$AZ_BATCHAI_INPUT_{name}" for name in inputs), *(f"$AZ_BATCHAI_OUTPUT_{name}" for name in outputs)]
    words = draw(st.lists(shell_words() | st.sampled_from([*own, "$AZ_BATCHAI_JOB_TEMP"]), max_size=4))
    nodes = draw(st.integers(1, most))
    toolkit = draw(st.sampled_from([*_SCRIPTED, *_COMMANDED]))
    arguments = " ".join(words)
    if toolkit in _SCRIPTED:
        settings: dict[str, Any] = {
            "pythonScriptFilePath": f"{draw(directories)}/train.py",
            "commandLineArgs": arguments,
        }
    else:
        settings = {"commandLine": f"echo {arguments}".strip()}
    if toolkit != "customToolkitSettings" and draw(st.booleans()):
        settings["processCount"] = nodes
    suffixes = st.sampled_from([None, "Models"])
    return {
        "properties": pruned(
            {
                "cluster": {"id": cluster} if cluster else None,
                "nodeCount": nodes,
                toolkit: pruned(settings),
                "stdOutErrPathPrefix": draw(directories),
                "inputDirectories": [{"id": name, "path": path} for name, path in inputs.items()],
                "outputDirectories": [
                    pruned({"id": name, "pathPrefix": path, "pathSuffix": draw(suffixes)})
                    for name, path in outputs.items()
                ],
                "environmentVariables": [
                    {"name": name, "value": value}
                    for name, value in draw(st.dictionaries(identifiers(), texts(10), max_size=2)).items()
                ],
                "mountVolumes": {"azureFileShares": [_share(account, key, name) for name in mounted]},
                "containerSettings": draw(st.none() | st.sampled_from(IMAGES).map(_container)),
                "constraints": {"maxWallClockTime": f"PT{draw(st.integers(1, 7 * 24))}H"},
            }
        )
    }


def _share(account: str, key: str, name: str) -> dict[str, Any]:
    return {
        "accountName": account,
        "azureFileUrl": f"https://{account}.file.core.windows.net/{name}",
        "relativeMountPath": name,
        "credentials": {"accountKey": key},
    }


def _container(image: str) -> dict[str, Any]:
    return {"imageSourceRegistry": {"image": image}}
