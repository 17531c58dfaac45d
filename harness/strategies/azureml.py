"""Strategies for computes and jobs of Azure Machine Learning: request bodies, and files of ``az ml``."""

from typing import Any

from hypothesis import strategies as st

from harness.strategies.words import (
    IMAGES,
    LOCATIONS,
    VM_SIZES,
    different_values,
    identifiers,
    names,
    pruned,
    shell_words,
    texts,
)


@st.composite
def azureml_computes(draw: st.DrawFn, *, most: int = 3) -> dict[str, Any]:
    """Generate the body of a request that creates an AmlCompute, in the API version 2025-09-01.

    Args:
        draw: provided by Hypothesis.
        most: the largest number of nodes.
    """
    nodes = draw(st.integers(1, most))
    scale = {"minNodeCount": draw(st.integers(0, nodes)), "maxNodeCount": nodes, "nodeIdleTimeBeforeScaleDown": "PT2M"}
    inner = {
        "vmSize": draw(st.sampled_from(VM_SIZES)),
        "vmPriority": draw(st.sampled_from(["Dedicated", "LowPriority"])),
        "scaleSettings": scale,
    }
    return {
        "location": draw(st.sampled_from(LOCATIONS)),
        "properties": {"computeType": "AmlCompute", "properties": inner},
    }


@st.composite
def azureml_jobs(draw: st.DrawFn, *, compute: str, environment: str, most: int = 1) -> dict[str, Any]:
    """Generate the body of a request that submits a command job, in the API version 2025-09-01.

    Args:
        draw: provided by Hypothesis.
        compute: the resource id of the job's compute.
        environment: the resource id of a version of the job's environment.
        most: the largest number of nodes.
    """
    literals = draw(st.dictionaries(identifiers(), shell_words(), max_size=3))
    words = [f"${{{{inputs.{name}}}}}" for name in literals]
    job = {
        "jobType": "Command",
        "displayName": draw(names()),
        "experimentName": draw(names()),
        "command": " ".join(["echo", *words, *draw(st.lists(shell_words(), max_size=2))]),
        "computeId": compute,
        "environmentId": environment,
        "environmentVariables": draw(st.dictionaries(identifiers(), texts(10), max_size=2)),
        "inputs": {name: {"jobInputType": "literal", "value": value} for name, value in literals.items()},
        "resources": {"instanceCount": draw(st.integers(1, most))},
        "limits": {"jobLimitsType": "Command", "timeout": f"PT{draw(st.integers(1, 48))}H"},
    }
    return {"properties": pruned(job)}


@st.composite
def azureml_job_files(draw: st.DrawFn, *, sweep: bool | None = None) -> dict[str, Any]:
    """Generate a job file of ``az ml job create -f``, as plain data: a command job or a sweep job.

    Args:
        draw: provided by Hypothesis.
        sweep: whether the job is a sweep job; default: either.
    """
    literals = draw(st.dictionaries(identifiers(), st.integers(0, 99) | shell_words(), max_size=2))
    unused = identifiers().filter(lambda name: name not in literals)
    data = draw(st.dictionaries(unused, _uris(), max_size=2))
    outputs = draw(st.dictionaries(identifiers(), _uris(), max_size=2))
    is_sweep = draw(st.booleans()) if sweep is None else sweep
    taken = {*literals, *data}
    swept = draw(
        st.dictionaries(identifiers().filter(lambda name: name not in taken), _choices(), min_size=1, max_size=2)
    )
    words = [
        *(f"${{{{inputs.{name}}}}}" for name in (*literals, *data)),
        *(f"${{{{outputs.{name}}}}}" for name in outputs),
        *(f"${{{{search_space.{name}}}}}" for name in (swept if is_sweep else ())),
    ]
    trial = {
        "command": " ".join(["python", "train.py", *words, *draw(st.lists(shell_words(), max_size=2))]),
        "environment": {"image": draw(st.sampled_from(IMAGES))},
        "environment_variables": draw(st.dictionaries(identifiers(), texts(10), max_size=2)),
        "resources": {"instance_count": draw(st.integers(1, 3))},
    }
    fields = {
        "experiment_name": draw(names()),
        "display_name": draw(names()),
        "description": draw(texts()),
        "compute": f"azureml:{draw(names())}",
        "inputs": {**literals, **{name: {"type": "uri_folder", "path": uri} for name, uri in data.items()}},
        "outputs": {name: {"type": "uri_folder", "path": uri} for name, uri in outputs.items()},
    }
    if not is_sweep:
        return pruned(
            {"type": "command", **fields, **pruned(trial), "limits": {"timeout": draw(st.integers(1, 604800))}}
        )
    return pruned(
        {
            "type": "sweep",
            **fields,
            "trial": pruned(trial),
            "sampling_algorithm": draw(st.sampled_from(["grid", "random"])),
            "search_space": swept,
            "objective": {
                "goal": draw(st.sampled_from(["minimize", "maximize"])),
                "primary_metric": draw(identifiers()),
            },
            "limits": {"max_total_trials": draw(st.integers(1, 20)), "trial_timeout": draw(st.integers(1, 604800))},
        }
    )


def _uris() -> st.SearchStrategy[str]:
    store = st.sampled_from(["workspaceblobstore", "workspacefilestore", "mine_2"])
    path = st.sampled_from(["", "data", "a/b"])
    return st.builds(lambda store, path: f"azureml://datastores/{store}/paths/{path}", store, path)


def _choices() -> st.SearchStrategy[dict[str, Any]]:
    return different_values().map(lambda values: {"type": "choice", "values": values})
