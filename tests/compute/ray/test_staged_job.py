"""The plan of a job, and its directories, on a machine that does not see the data directory."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.compute.backend import JobSpec, MountSpec, NodeSpec
from harness.compute.job_files import write_plan
from harness.compute.paths import JobPaths
from harness.compute.ray.messages import Tree
from harness.compute.ray.planning import plan_ray_job
from harness.compute.ray.staged_job import NOTE, StagedJob, Staging
from harness.compute.ray.staged_trees import trees_of
from harness.compute.ray.staging_folders import StagingFolders
from tests.compute.test_planning import MACHINE

Build = Callable[..., JobSpec]


def describe(job: Build, data: Path, **changes: object) -> JobSpec:
    nodes = tuple(NodeSpec(name, "10.0.0.4", data / "nodes" / name, gpus=0) for name in ("n0", "n1"))
    mounts = (MountSpec("s", data / "storage" / "a share"),)
    return job(
        nodes=nodes,
        directory=data / "jobs" / "job",
        cluster_mounts=mounts,
        stdouterr=data / "storage" / "a share" / "stdouterr",
        toolkit="pyTorch",
        settings={"pythonScriptFilePath": "$AZ_BATCHAI_MOUNT_ROOT/s/train.py"},
        **changes,
    )


def test_the_trees_of_a_job_are_what_it_mounts_writes_and_reads(job: Build, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "ca.pem").write_text("")
    spec = describe(
        job,
        data,
        writes=(data / "blob" / "out",),
        reads=(data / "ca.pem", data / "blob" / "out" / "in", Path("/usr/share/data")),
    )

    assert trees_of(plan_ray_job(spec, MACHINE), data) == (
        Tree("jobs/job", only=("shared", "unmounted", "supervisor.log", "mounting.log", "engine.log", "uncleaned")),
        Tree("storage/a share"),
        Tree("blob/out"),
        Tree("", only=("ca.pem",), is_read_only=True),
        Tree("/usr/share/data", is_read_only=True),
    )


def test_a_plan_names_this_machines_directories_alone(job: Build, tmp_path: Path) -> None:
    data, folders = tmp_path / "data", StagingFolders(tmp_path / "staging")
    spec = describe(job, data, secrets={"WHERE": str(data / "x")})
    plan = plan_ray_job(spec, MACHINE)
    paths = JobPaths(tmp_path / "written")
    paths.root.mkdir()
    write_plan(paths, plan)
    nodes = {node.id: str(node.directory) for node in spec.nodes}
    staged = StagedJob(folders, Staging(str(spec.directory), str(data), "n1", nodes, trees_of(plan, data)))

    rewritten = staged.plan(paths.plan.read_text())

    text = json.dumps(rewritten)
    assert str(data) not in text
    assert rewritten["directory"] == str(staged.directory)
    assert [path for path, _ in rewritten["links"]] == [
        f"{folders.path('node', nodes[n])}/mounts/s" for n in ("n0", "n1")
    ]
    assert all(Path(target).is_dir() for _, target in rewritten["links"])
    assert rewritten["notes"][-1] == NOTE
    own, other = rewritten["steps"][0]["executions"]
    assert own["stdout"].endswith("/stdouterr/stdout-0.txt")
    assert other["stdout"] == other["stderr"] == f"{staged.directory}/engine.log"
    assert json.loads(other["stdin"])["stdout"].endswith("/stdouterr/stdout-1.txt")
    assert re.search(r"tcp://@address\(n1\)@:[0-9]+", rewritten["steps"][0]["executions"][0]["environment"][INIT])
    assert re.search(r"tcp://@address\(n1\)@:[0-9]+", rewritten["steps"][0]["executions"][1]["stdin"])
    staged.remove()
    assert not staged.directory.exists()
    assert not folders.path("node", nodes["n0"]).exists()


def test_a_job_of_one_node_has_its_rendezvous_at_a_file(job: Build, tmp_path: Path) -> None:
    data = tmp_path / "data"
    spec = describe(job, data)
    spec = replace(spec, nodes=spec.nodes[:1])
    plan = plan_ray_job(spec, MACHINE)
    paths = JobPaths(tmp_path / "written")
    paths.root.mkdir()
    write_plan(paths, plan)
    nodes = {node.id: str(node.directory) for node in spec.nodes}
    staged = StagedJob(StagingFolders(tmp_path / "staging"), Staging(str(spec.directory), str(data), "n0", nodes, ()))

    rewritten = staged.plan(paths.plan.read_text())

    [execution] = rewritten["steps"][0]["executions"]
    assert execution["environment"][INIT] == f"file://{staged.directory}/shared/pytorch-init"


INIT = "AZ_BATCHAI_PYTORCH_INIT_METHOD"
