"""Storage without account keys: containers that a run, and its jobs, reach with the rights of whoever signed in. Pure.

Where a policy forbids account keys, no share can be mounted, for that takes the key. A blob container needs none: its
datastore has no credentials, and a job reads and writes it with an identity of its own.
"""

from harness.services.service import ClusterPlan

SETTING = "storage_auth"


def identity_problem(plan: ClusterPlan, *, makes_workspace: bool) -> str | None:
    """Why a scenario cannot run without the account's key, and what to do; None if it can.

    Args:
        plan: the cluster that it requests.
        makes_workspace: whether a workspace is made for the run.
    """
    shares = [mount.name for mount in plan.mounts if mount.kind == "share"]
    if shares:
        return (
            f"{SETTING} is identity, and nodes mount file shares ({', '.join(shares)}) by the account's key alone: "
            "put what is on them into containers, in the scenario's containers"
        )
    if plan.azureml.identity != "user":
        return (
            f"{SETTING} is identity, and jobs without an identity cannot read the containers: add azureml: "
            "{identity: user} to the scenario; the identity of a compute (managed) is new in each run and has no rights"
        )
    if makes_workspace:
        return (
            f"{SETTING} is identity, and a new workspace keeps its own files by key: name one that may do without, "
            "with the settings azureml_workspace and azureml_resource_group"
        )
    return None
