"""Strategies for scenarios that the loader accepts, as plain data."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, get_args

from hypothesis import strategies as st

from harness.interchange.draft import yaml_text
from harness.scenario.job import Toolkit
from harness.strategies.words import (
    IMAGES,
    LOCATIONS,
    VM_SIZES,
    different_values,
    identifiers,
    literal,
    names,
    pruned,
    shell_words,
    storage_names,
    texts,
    values,
)

_ROOT = "$AZ_BATCHAI_MOUNT_ROOT"
_COMMANDED = ("customToolkit", "customMpi")
_PROCESSES = ("cntk", "pyTorch", "caffe", "chainer", "horovod", "customMpi")


def scenario_text(document: Mapping[str, Any]) -> str:
    """Return a document as the text of a scenario file: YAML that is read back unchanged."""
    return yaml_text(document)


@st.composite
def scenarios(
    draw: st.DrawFn,
    *,
    toolkits: Sequence[Toolkit] = get_args(Toolkit),
    swept: bool | None = None,
    uploads: Sequence[str] = (),
) -> dict[str, Any]:
    """Generate a scenario as plain data; ``scenario_text`` converts it to a file that ``load_scenario`` accepts.

    Args:
        draw: provided by Hypothesis.
        toolkits: the toolkits that the job may have.
        swept: whether the scenario has a sweep; default: either.
        uploads: files beside the scenario that it may upload.
    """
    volumes = draw(_volumes(uploads))
    mounts = [volume["mount"] for part in (volumes["shares"], volumes["containers"]) for volume in part]
    mounts += [volumes["share"]["mount"]] if volumes["share"] else []
    is_swept = draw(st.booleans()) if swept is None else swept
    sweep, swept_names = draw(_sweeps()) if is_swept else ({}, [])
    constants = draw(st.dictionaries(identifiers().filter(lambda name: name not in swept_names), values(), max_size=3))
    job = draw(_jobs(toolkits, mounts, [*constants, *swept_names], swept_names))
    metrics = draw(st.dictionaries(identifiers(), _metrics(), max_size=2))
    name = draw(names())
    return pruned(
        {
            "scenario": name,
            "description": literal(draw(texts())),
            "location": draw(st.sampled_from(LOCATIONS)),
            "resource_group": f"{draw(names())}group",
            **volumes,
            "cluster": draw(_clusters(mounts, job["nodes"])),
            "job": job,
            "parameters": constants,
            "sweep": sweep,
            "metrics": metrics,
            "expect": draw(_expectations(list(metrics), job)),
            "limits": draw(_limits()),
        }
    )


@st.composite
def _volumes(draw: st.DrawFn, uploads: Sequence[str]) -> dict[str, Any]:
    mounts = draw(st.lists(_mount_paths(), min_size=1, max_size=4, unique_by=lambda path: path.split("/")[0]))
    volumes = [
        pruned(
            {
                "name": draw(storage_names()),
                "mount": mount,
                "directory": draw(st.sampled_from(["", "in", "deep/er"])),
                "upload": [{"file": path} for path in draw(_some(uploads))],
            }
        )
        for mount in mounts
    ]
    unique = list({volume["name"]: volume for volume in volumes}.values())
    kinds = draw(st.lists(st.sampled_from(["share", "shares", "containers"]), min_size=4, max_size=4))
    result: dict[str, Any] = {"share": None, "shares": [], "containers": []}
    for kind, volume in zip(kinds, unique, strict=False):
        if kind == "share" and result["share"] is None:
            result["share"] = volume
        else:
            result["shares" if kind == "share" else kind].append(volume)
    return result


def _mount_paths() -> st.SearchStrategy[str]:
    part = st.text("abcdefghij-_.0123", min_size=1, max_size=8).filter(lambda part: part.strip(".") != "")
    return st.lists(part, min_size=1, max_size=2).map("/".join)


@st.composite
def _clusters(draw: st.DrawFn, mounts: Sequence[str], least: int) -> dict[str, Any]:
    nodes: Any = draw(st.integers(least, least + 3))
    if draw(st.booleans()):
        nodes = {"min": draw(st.integers(0, nodes)), "max": nodes}
    setup = {
        "command": literal(" ".join(draw(st.lists(shell_words(), min_size=1, max_size=3)))),
        "stdouterr": f"{_ROOT}/{draw(st.sampled_from(mounts))}",
        "environment": {"SETUP": literal(draw(texts(10)))},
    }
    return pruned(
        {
            "name": draw(names()),
            "vm_size": draw(st.sampled_from(VM_SIZES)),
            "priority": draw(st.sampled_from([None, "dedicated", "lowpriority"])),
            "setup": setup if draw(st.booleans()) else None,
            "nodes": nodes,
        }
    )


@st.composite
def _jobs(
    draw: st.DrawFn, toolkits: Sequence[Toolkit], mounts: Sequence[str], parameters: Sequence[str], swept: Sequence[str]
) -> dict[str, Any]:
    toolkit = draw(st.sampled_from(toolkits))
    nodes = draw(st.integers(1, 3))
    inputs = draw(st.dictionaries(identifiers(), _paths(mounts), max_size=2))
    outputs = draw(st.dictionaries(identifiers(), _outputs(mounts), max_size=2))
    own = [f"$AZ_BATCHAI_INPUT_{name}" for name in inputs] + [f"$AZ_BATCHAI_OUTPUT_{name}" for name in outputs]
    word = shell_words() | st.sampled_from([*own, "$AZ_BATCHAI_NUM_GPUS"]) | _parameter_words(parameters)
    words = draw(st.lists(word, max_size=4)) + [f"--{name}={{{name}}}" for name in swept]
    arguments = " ".join(words)
    environment = draw(st.dictionaries(identifiers(), texts(12).map(literal), max_size=2))
    job: dict[str, Any] = {
        "name": draw(names()),
        "toolkit": toolkit,
        "image": draw(st.none() | st.sampled_from(IMAGES)),
        "nodes": nodes,
        "inputs": inputs,
        "outputs": outputs,
        "stdouterr": draw(_paths(mounts)),
        "preparation": draw(st.none() | shell_words().map(lambda word: f"pip install {word}")),
        "environment": environment,
    }
    if toolkit in _COMMANDED:
        job["command"] = f"run {arguments}".strip()
    else:
        job |= {"script": f"{draw(_paths(mounts))}/train.py", "args": arguments}
        job["interpreter"] = draw(st.sampled_from([None, "/usr/bin/python3"]))
    if toolkit in _PROCESSES and draw(st.booleans()):
        job["processes"] = nodes * draw(st.integers(2, 4))
    if toolkit == "tensorFlow" and draw(st.booleans()):
        job |= {"workers": draw(st.integers(1, nodes)), "parameter_servers": draw(st.integers(1, nodes))}
    return pruned(job)


def _parameter_words(parameters: Sequence[str]) -> st.SearchStrategy[str]:
    return st.sampled_from([f"{{{name}}}" for name in parameters]) if parameters else st.nothing()


def _paths(mounts: Sequence[str]) -> st.SearchStrategy[str]:
    """Generate directories on a volume."""
    below = st.sampled_from(["", "data", "a/b.c"])
    return st.builds(lambda mount, path: f"{_ROOT}/{PurePosixPath(mount) / path}", st.sampled_from(mounts), below)


def _outputs(mounts: Sequence[str]) -> st.SearchStrategy[dict[str, str]]:
    prefix, suffix = _paths(mounts), st.sampled_from(["", "Models", "a/b"])
    return st.builds(lambda prefix, suffix: pruned({"prefix": prefix, "suffix": suffix}), prefix, suffix)


@st.composite
def _sweeps(draw: st.DrawFn) -> tuple[dict[str, Any], list[str]]:
    """Generate a sweep of a few points, and the names that vary."""
    swept = draw(st.lists(identifiers(), min_size=1, max_size=3, unique=True))
    kind = draw(st.sampled_from(["grid", "zip", "list", "random", "sobol"]))
    if kind == "grid":
        return {"grid": {name: draw(different_values()) for name in swept}}, swept
    if kind == "zip":
        rows = draw(st.integers(1, 3))
        return {"zip": {name: draw(different_values(rows, rows)) for name in swept}}, swept
    if kind == "list":
        firsts = draw(different_values())
        return {"list": [{swept[0]: first, **dict.fromkeys(swept[1:], 1)} for first in firsts]}, swept
    space: dict[str, Any] = {name: draw(_ranges()) for name in swept}
    space[swept[0]] = {"low": 0.0, "high": draw(st.floats(0.5, 100.0).map(lambda value: float(f"{value:g}")))}
    return {kind: {"samples": draw(st.integers(1, 4)), "seed": draw(st.integers(0, 9)), "space": space}}, swept


def _ranges() -> st.SearchStrategy[Any]:
    steps = st.sampled_from([{"low": 0.0, "high": 1.0, "step": 0.25}, {"low": 1, "high": 9}, {"low": 0.5, "high": 2.5}])
    return steps | different_values(2, 3)


def _metrics() -> st.SearchStrategy[dict[str, Any]]:
    patterns = st.sampled_from([r"loss = (\S+)", r"(\d+)%", r"err{1,2}=(\S+)"])
    return st.fixed_dictionaries({"pattern": patterns}, optional={"file": st.just("stdout.txt"), "step": st.booleans()})


@st.composite
def _expectations(draw: st.DrawFn, metrics: Sequence[str], job: Mapping[str, Any]) -> dict[str, Any]:
    state = draw(st.sampled_from([None, "succeeded", "failed"]))
    bounds = {name: {"max": draw(st.integers(0, 9))} for name in draw(_some(metrics))}
    files = {name: ["*.txt"] for name in draw(_some([*job.get("outputs", {}), "stdouterr"]))}
    return pruned({"state": state, "metrics": bounds, "files": files})


def _limits() -> st.SearchStrategy[dict[str, str]]:
    durations = st.integers(1, 7 * 24 * 3600).map(lambda seconds: f"PT{seconds}S")
    return st.fixed_dictionaries({}, optional={"queued": durations, "running": durations})


def _some(items: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(list(items)), unique=True, max_size=3) if items else st.just([])
