"""Converts a job to a plan for nodes that are machines of a Ray cluster. Pure.

The machines are not known when the job is planned, so the plan contains the placeholders ``@address(NODE)@``,
``@gpus(NODE)@``, ``@hosts(NODE,NODE|SLOTS)@``, ``@interface(NODE)@`` and ``@networks(NODE,NODE)@``, which ``resolve``
replaces.
"""

import dataclasses
import ipaddress
import json
import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.compute import ssh
from harness.compute.backend import Execution, JobSpec, MountSpec, NodePlan, NodeSpec, Plan, Step, TaskSpec
from harness.compute.machine import Machine
from harness.compute.paths import MARK, JobPaths
from harness.compute.planning import hostfile, plan_job, plan_task, variables_of
from harness.errors import ToolkitError

_PLACEHOLDER = re.compile(r"@(address|gpus|hosts|interface|networks)\(([^()|]*)(?:\|([^()]*))?\)@")
_ROOT = Path(__file__).parents[3]  # the directory from which the package is imported
_RUN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from harness.compute.ray.{0} import main; {1}"


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The facts about a node that has a machine.

    Attributes:
        address: the address at which other nodes reach it.
        gpus: the numbers of its GPUs, as CUDA counts them on its machine.
        interface: the network interface with the address; empty if there is none.
    """

    address: str
    gpus: tuple[str, ...] = ()
    interface: str = ""


def plan_ray_job(job: JobSpec, machine: Machine) -> Plan:
    """Return the plan of a job.

    Raises:
        ToolkitError: the job cannot run on several machines; the message says why.
    """
    mounts = (*job.cluster_mounts, *job.job_mounts)
    if len(job.nodes) > 1 and any(mount.command is not None for mount in mounts):
        raise ToolkitError(
            "the mounts of a mount command are visible on one machine alone, and this job has several nodes; "
            "mount a share or a blob container instead, or run the job on one node"
        )
    nodes = tuple(dataclasses.replace(node, address=f"@address({node.id})@") for node in job.nodes)
    located = dataclasses.replace(job, nodes=nodes)
    # The GPUs of the node's machine count, not those of this one.
    plan = plan_job(located, dataclasses.replace(machine, gpus=0), separate_machines=True)
    plans = tuple(
        NodePlan(node.id, node.size, node.cpus, node.gpus, variables_of(located, node, job.directory), node.directory)
        for node in nodes
    )
    plan = dataclasses.replace(plan, nodes=plans, trees=_trees(plan, nodes, mounts, job.writes), reads=job.reads)
    if len(nodes) == 1:
        return dataclasses.replace(plan, steps=tuple(_run_on_node(step, nodes[0]) for step in plan.steps))
    paths = JobPaths(job.directory)
    script = ssh.script(machine.shell, machine.environment["PATH"], remote_command=_remote_shell(paths))
    return dataclasses.replace(
        plan,
        steps=tuple(_distribute(step, nodes, paths) for step in plan.steps),
        files={**plan.files, ssh.folder(job.directory) / "ssh": script, hostfile(job.directory): _hostfile(job)},
        cleanup=(_cleanup(plan, paths),),
    )


def plan_ray_task(task: TaskSpec, machine: Machine) -> Plan:
    """Return the plan of a node's set-up task."""
    node = task.node
    plan = plan_task(task, machine)
    return dataclasses.replace(
        plan,
        steps=tuple(_run_on_node(step, node) for step in plan.steps),
        nodes=(NodePlan(node.id, node.size, node.cpus, node.gpus, directory=node.directory),),
        trees=_trees(plan, (node,), task.mounts),
    )


def resolve(plan: str, facts: Mapping[str, NodeFacts]) -> str:
    """Replace the placeholders in a plan, JSON, by the known facts. A variable for a missing interface is removed."""
    return json.dumps(_resolve_value(json.loads(plan), facts))


def program(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line of one of the programs that need the standard library alone."""
    call = "sys.exit(main(sys.argv[1:]))" if module == "remote" else "main()"
    return (sys.executable, "-I", "-S", "-c", _RUN.format(module, call), str(_ROOT), *arguments)


def nodes_file(paths: JobPaths) -> Path:
    """The file with the addresses of a job's servers and its key, for the job's programs."""
    return paths.root / "nodes.json"


def _trees(
    plan: Plan, nodes: tuple[NodeSpec, ...], mounts: Iterable[MountSpec], writes: tuple[Path, ...] = ()
) -> tuple[Path, ...]:
    """Return the directories that a job uses besides its own and those of its nodes."""
    own = (plan.directory, *(node.directory for node in nodes))
    sources = [mount.source for mount in mounts if mount.source is not None]
    written = [path for path in plan.directories if not any(path.is_relative_to(directory) for directory in own)]
    return tuple(dict.fromkeys((*sources, *written, *writes)))


def _run_on_node(step: Step, node: NodeSpec) -> Step:
    return dataclasses.replace(
        step, executions=tuple(_with_node_variables(execution, node) for execution in step.executions)
    )


def _with_node_variables(execution: Execution, node: NodeSpec, **variables: str) -> Execution:
    """Return a process with variables that depend on the machine; they do not override the user's variables."""
    environment = dict(execution.environment)
    chosen = environment.pop("CUDA_VISIBLE_DEVICES", None)
    environment["CUDA_VISIBLE_DEVICES"] = (
        f"@gpus({node.id}{'' if chosen is None else '|' + _without_delimiters(chosen)})@"
    )
    return dataclasses.replace(execution, environment={**variables, **environment})


def _without_delimiters(text: str) -> str:
    return re.sub(r"[()|@]", "", text)


def _distribute(step: Step, nodes: tuple[NodeSpec, ...], paths: JobPaths) -> Step:
    """Return a step whose processes run on the machines of their nodes; the supervisor runs those of the first node."""
    executions = []
    for number, execution in enumerate(step.executions):
        node = next(node for node in nodes if execution.cwd == paths.temporary(node.id))
        located = _with_node_variables(execution, node, **_rendezvous_variables(node, nodes, paths))
        refusal = paths.refusal(f"{step.name}-{number}")
        executions.append(located if node is nodes[0] else _remote_execution(located, node, paths, refusal))
    return dataclasses.replace(step, executions=tuple(executions))


def _rendezvous_variables(node: NodeSpec, nodes: tuple[NodeSpec, ...], paths: JobPaths) -> dict[str, str]:
    """Return variables by which processes on several machines connect: for Open MPI's launcher, Gloo and NCCL."""
    networks = f"@networks({','.join(other.id for other in nodes)})@"
    return {
        "OMPI_MCA_plm_rsh_agent": "ssh",  # the script of the job, which is first on its PATH
        "OMPI_MCA_plm_rsh_no_tree_spawn": "1",
        "OMPI_MCA_orte_default_hostfile": str(hostfile(paths.root)),
        "OMPI_MCA_btl_tcp_if_include": networks,
        "OMPI_MCA_oob_tcp_if_include": networks,
        "GLOO_SOCKET_IFNAME": f"@interface({node.id})@",
        "NCCL_SOCKET_IFNAME": f"@interface({node.id})@",
    }


def _remote_execution(execution: Execution, node: NodeSpec, paths: JobPaths, refusal: Path) -> Execution:
    """Return a process that runs another process on another node, and ends with its exit code."""
    order = {
        "node": node.id,
        "directory": str(paths.root),
        "argv": execution.argv,
        "environment": dict(execution.environment),
        "cwd": str(execution.cwd),
        "stdin": execution.stdin,
        "stdout": str(execution.stdout),
        "stderr": str(execution.stderr),
        "refusal": str(refusal),
    }
    return dataclasses.replace(
        execution,
        argv=program("remote", "run", str(nodes_file(paths))),
        environment={"LANG": "C.UTF-8", MARK: str(paths.root)},
        cwd=paths.root,
        stdin=json.dumps(order),
        refusal=refusal,
    )


def _hostfile(job: JobSpec) -> str:
    """Return the text of Open MPI's host file, which distributes the ranks of the job evenly."""
    total, per_node = job.settings.get("processCount"), job.settings.get("processCountPerInstance")
    slots = -(-total // len(job.nodes)) if isinstance(total, int) else 1
    return (
        f"@hosts({','.join(node.id for node in job.nodes)}|{max(slots, per_node if isinstance(per_node, int) else 1)})@"
    )


def _cleanup(plan: Plan, paths: JobPaths) -> Execution:
    """Return the process that ends the remaining processes of a job on its other nodes."""
    return Execution(
        argv=program("remote", "end", str(nodes_file(paths))),
        environment={"LANG": "C.UTF-8"},
        cwd=paths.root,
        stdout=paths.engine_log,
        stderr=paths.engine_log,
        stdin=json.dumps({"grace": plan.grace}),
    )


def _remote_shell(paths: JobPaths) -> str:
    return f'{shlex.join(program("remote", "shell", str(nodes_file(paths))))} "$host"'


def _resolve_value(value: object, facts: Mapping[str, NodeFacts]) -> object:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: _replacement(match, facts), value)
    if isinstance(value, list):
        return [_resolve_value(item, facts) for item in value]
    if isinstance(value, dict):
        resolved = {key: _resolve_value(item, facts) for key, item in value.items()}
        nameless = {key for key, item in resolved.items() if item == "" and str(value[key]).startswith("@interface(")}
        return {key: item for key, item in resolved.items() if key not in nameless}
    return value


def _replacement(match: re.Match[str], facts: Mapping[str, NodeFacts]) -> str:
    kind, name, chosen = match.groups()
    if kind == "networks":
        return ",".join(dict.fromkeys(_network(facts[node].address) for node in name.split(",")))
    if kind == "hosts":
        # Open MPI refuses a file that lists a machine twice, which two nodes may share.
        nodes = Counter(facts[node].address for node in name.split(","))
        return "".join(f"{address} slots={int(chosen) * number}\n" for address, number in nodes.items())
    if name not in facts:
        return match[0]
    if kind == "gpus":
        return _visible_gpus(facts[name].gpus, chosen)
    return facts[name].address if kind == "address" else facts[name].interface


def _visible_gpus(gpus: tuple[str, ...], chosen: str | None) -> str:
    """Return the GPUs of a node, or those of them that the job selects, counted from 0."""
    if chosen is None:
        return ",".join(gpus)
    by_number = {str(index): gpu for index, gpu in enumerate(gpus)}
    return ",".join(by_number[word.strip()] for word in chosen.split(",") if word.strip() in by_number)


def _network(address: str) -> str:
    """Return the network that makes Open MPI use the interface with an address."""
    ip = ipaddress.ip_address(address)
    return "127.0.0.0/8" if ip.is_loopback else f"{ip}/{ip.max_prefixlen}"
