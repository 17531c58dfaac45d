"""Names of the resources of runs in Azure Machine Learning. Pure.

The rules are those of Microsoft's OpenAPI descriptions.
"""

import hashlib
import re

_WORKSPACE_LENGTH, _COMPUTE_LENGTH = 33, 24
_COMPUTE = re.compile(r"[a-zA-Z](?![a-zA-Z0-9-]*-\d+$)[a-zA-Z0-9-]{2,23}")


def workspace_name(scenario: str, cluster: str) -> str:
    """The name of a cluster's workspace: 3 to 33 letters, digits, hyphens and underscores."""
    half = _WORKSPACE_LENGTH // 2
    return f"{scenario.lstrip('_-')[: _WORKSPACE_LENGTH - 1 - half] or 'x'}-{cluster[-half:]}"


def compute_name(cluster: str) -> str:
    """The name of a cluster's compute: 3 to 24 letters, digits and hyphens.

    It begins with a letter, and does not end with a hyphen and a number.
    """
    name = re.sub(r"[^a-zA-Z0-9-]", "-", cluster).ljust(3, "x")
    if len(name) > _COMPUTE_LENGTH:  # clusters of one scenario differ at the end
        name = f"{name[: _COMPUTE_LENGTH // 2]}{name[-(_COMPUTE_LENGTH // 2) :]}"
    if _COMPUTE.fullmatch(name):
        return name
    name = f"c-{name}"[:_COMPUTE_LENGTH]
    return name if _COMPUTE.fullmatch(name) else f"{name[: _COMPUTE_LENGTH - 1]}x"


def dependency_suffix(suffix: str, *, group: str, workspace: str) -> str:
    """The end of the names of a workspace's dependencies, which differs between the workspaces of a run.

    Args:
        suffix: the suffix of the run.
        group: the resource group of the workspace.
        workspace: its name.
    """
    return suffix + hashlib.sha256(f"{group}/{workspace}".lower().encode()).hexdigest()[:6]


def job_id(name: str, suffix: str) -> str:
    """The id of a job; it includes the run, because a workspace never accepts an id twice."""
    return f"{name.lstrip('_-') or 'job'}-{suffix}"


def experiment_tag(experiment: str, suffix: str) -> str:
    """The tag by which the jobs of a run's experiment are listed."""
    return f"batchai-harness-{experiment}-{suffix}"
