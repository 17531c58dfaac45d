"""Storage without account keys: a run and its jobs access containers with the rights of the signed-in user. Pure.

If a policy forbids account keys, shares cannot be mounted, because mounting needs the key. A blob container needs none:
its datastore has no credentials, and a job reads and writes it with the job's identity.
"""

from harness.services.service import ClusterPlan

SETTING = "storage_auth"


def identity_problem(plan: ClusterPlan, *, makes_workspace: bool) -> str | None:
    """Explain why a scenario cannot run without the account's key, and what to do; None if it can.

    Args:
        plan: the plan of its cluster.
        makes_workspace: whether a workspace is created for the run.
    """
    shares = [mount.name for mount in plan.mounts if mount.kind == "share"]
    if shares:
        return (
            f"{SETTING} is identity, but nodes need the account's key to mount file shares ({', '.join(shares)}): "
            "replace them by blob containers, under containers in the scenario"
        )
    if plan.azureml.identity != "user":
        return (
            f"{SETTING} is identity, but jobs without an identity cannot read the containers: add azureml: "
            "{identity: user} to the scenario; the identity of a compute (managed) is new in each run and has no rights"
        )
    if makes_workspace:
        return (
            f"{SETTING} is identity, but a new workspace needs a key for its files: name an existing workspace without "
            "keys, with the settings azureml_workspace and azureml_resource_group"
        )
    return None
