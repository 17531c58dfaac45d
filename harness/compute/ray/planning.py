"""The plan of a job whose nodes are machines of a Ray cluster. Pure.

Which machines they are is known when they have been found: until then the plan says ``@address(NODE)@``,
``@gpus(NODE)@``, ``@interface(NODE)@`` and ``@networks(NODE,NODE)@``, which ``resolve`` replaces.
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

_UNKNOWN = re.compile(r"@(address|gpus|hosts|interface|networks)\(([^()|]*)(?:\|([^()]*))?\)@")
_ROOT = Path(__file__).parents[3]  # what the package is imported from
_RUN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from harness.compute.ray.{0} import main; {1}"


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What is known of a node once it has a machine.

    Attributes:
        address: where other nodes reach it.
        gpus: the numbers of the GPUs that it was given, as CUDA counts them on its machine.
        interface: the network interface that has the address; empty where none has.
    """

    address: str
    gpus: tuple[str, ...] = ()
    interface: str = ""


def plan_ray_job(job: JobSpec, machine: Machine) -> Plan:
    """The plan of a job.

    Raises:
        ToolkitError: it cannot run on several machines; the message says why.
    """
    mounts = (*job.cluster_mounts, *job.job_mounts)
    if len(job.nodes) > 1 and any(mount.command is not None for mount in mounts):
        raise ToolkitError(
            "what a mount command mounts is seen on one machine alone, and this job has several nodes; "
            "mount a share or a blob container instead, or run the job on one node"
        )
    nodes = tuple(dataclasses.replace(node, address=f"@address({node.id})@") for node in job.nodes)
    placed = dataclasses.replace(job, nodes=nodes)
    # GPUs are counted on the machine of a node, not on this one.
    plan = plan_job(placed, dataclasses.replace(machine, gpus=0), apart=True)
    plans = tuple(
        NodePlan(node.id, node.size, node.cpus, node.gpus, variables_of(placed, node, job.directory), node.directory)
        for node in nodes
    )
    plan = dataclasses.replace(plan, nodes=plans, trees=_trees(plan, nodes, mounts, job.writes), reads=job.reads)
    if len(nodes) == 1:
        return dataclasses.replace(plan, steps=tuple(_at_home(step, nodes[0]) for step in plan.steps))
    paths = JobPaths(job.directory)
    script = ssh.script(machine.shell, machine.environment["PATH"], across=_shell_across(paths))
    return dataclasses.replace(
        plan,
        steps=tuple(_spread(step, nodes, paths) for step in plan.steps),
        files={**plan.files, ssh.folder(job.directory) / "ssh": script, hostfile(job.directory): _hostfile(job)},
        cleanup=(_ending(plan, paths),),
    )


def plan_ray_task(task: TaskSpec, machine: Machine) -> Plan:
    """The plan of a node's set-up task."""
    node = task.node
    plan = plan_task(task, machine)
    return dataclasses.replace(
        plan,
        steps=tuple(_at_home(step, node) for step in plan.steps),
        nodes=(NodePlan(node.id, node.size, node.cpus, node.gpus, directory=node.directory),),
        trees=_trees(plan, (node,), task.mounts),
    )


def resolve(plan: str, facts: Mapping[str, NodeFacts]) -> str:
    """A plan as JSON, with what is known by now of its nodes. A variable that names no interface is left out."""
    return json.dumps(_resolved(json.loads(plan), facts))


def program(module: str, *words: str) -> tuple[str, ...]:
    """The command line of one of the programs that need nothing but the standard library."""
    call = "sys.exit(main(sys.argv[1:]))" if module == "remote" else "main()"
    return (sys.executable, "-I", "-S", "-c", _RUN.format(module, call), str(_ROOT), *words)


def nodes_file(paths: JobPaths) -> Path:
    """Addresses of the servers of a job and its key, for the job's own programs."""
    return paths.root / "nodes.json"


def _trees(
    plan: Plan, nodes: tuple[NodeSpec, ...], mounts: Iterable[MountSpec], writes: tuple[Path, ...] = ()
) -> tuple[Path, ...]:
    """The directories that a job uses beside its own and those of its nodes."""
    own = (plan.directory, *(node.directory for node in nodes))
    shown = [mount.source for mount in mounts if mount.source is not None]
    written = [path for path in plan.directories if not any(path.is_relative_to(each) for each in own)]
    return tuple(dict.fromkeys((*shown, *written, *writes)))


def _at_home(step: Step, node: NodeSpec) -> Step:
    return dataclasses.replace(step, executions=tuple(_local(each, node) for each in step.executions))


def _local(execution: Execution, node: NodeSpec, **variables: str) -> Execution:
    """A process with what it has to know of the machine; the user's own variables win."""
    environment = dict(execution.environment)
    chosen = environment.pop("CUDA_VISIBLE_DEVICES", None)
    environment["CUDA_VISIBLE_DEVICES"] = f"@gpus({node.id}{'' if chosen is None else '|' + _words(chosen)})@"
    return dataclasses.replace(execution, environment={**variables, **environment})


def _words(text: str) -> str:
    return re.sub(r"[()|@]", "", text)


def _spread(step: Step, nodes: tuple[NodeSpec, ...], paths: JobPaths) -> Step:
    """A step whose processes run on the machines of their nodes; those of the first are the supervisor's own."""
    executions = []
    for number, execution in enumerate(step.executions):
        node = next(node for node in nodes if execution.cwd == paths.temporary(node.id))
        known = _local(execution, node, **_meeting(node, nodes, paths))
        refusal = paths.refusal(f"{step.name}-{number}")
        executions.append(known if node is nodes[0] else _across(known, node, paths, refusal))
    return dataclasses.replace(step, executions=tuple(executions))


def _meeting(node: NodeSpec, nodes: tuple[NodeSpec, ...], paths: JobPaths) -> dict[str, str]:
    """By which processes on several machines find each other: Open MPI's launcher, Gloo's and NCCL's interface."""
    networks = f"@networks({','.join(each.id for each in nodes)})@"
    return {
        "OMPI_MCA_plm_rsh_agent": "ssh",  # the job's own, which stands first on its path
        "OMPI_MCA_plm_rsh_no_tree_spawn": "1",
        "OMPI_MCA_orte_default_hostfile": str(hostfile(paths.root)),
        "OMPI_MCA_btl_tcp_if_include": networks,
        "OMPI_MCA_oob_tcp_if_include": networks,
        "GLOO_SOCKET_IFNAME": f"@interface({node.id})@",
        "NCCL_SOCKET_IFNAME": f"@interface({node.id})@",
    }


def _across(execution: Execution, node: NodeSpec, paths: JobPaths, refusal: Path) -> Execution:
    """What has a process run on another node, and ends with its exit code."""
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
    """Open MPI's host file, by which nodes get the ranks that the job asks for evenly."""
    total, each = job.settings.get("processCount"), job.settings.get("processCountPerInstance")
    most = -(-total // len(job.nodes)) if isinstance(total, int) else 1
    return f"@hosts({','.join(node.id for node in job.nodes)}|{max(most, each if isinstance(each, int) else 1)})@"


def _ending(plan: Plan, paths: JobPaths) -> Execution:
    """What ends the rest of a job on its other nodes."""
    return Execution(
        argv=program("remote", "end", str(nodes_file(paths))),
        environment={"LANG": "C.UTF-8"},
        cwd=paths.root,
        stdout=paths.engine_log,
        stderr=paths.engine_log,
        stdin=json.dumps({"grace": plan.grace}),
    )


def _shell_across(paths: JobPaths) -> str:
    return f'{shlex.join(program("remote", "shell", str(nodes_file(paths))))} "$host"'


def _resolved(value: object, facts: Mapping[str, NodeFacts]) -> object:
    if isinstance(value, str):
        return _UNKNOWN.sub(lambda found: _known(found, facts), value)
    if isinstance(value, list):
        return [_resolved(item, facts) for item in value]
    if isinstance(value, dict):
        known = {key: _resolved(item, facts) for key, item in value.items()}
        nameless = {key for key, item in known.items() if item == "" and str(value[key]).startswith("@interface(")}
        return {key: item for key, item in known.items() if key not in nameless}
    return value


def _known(found: re.Match[str], facts: Mapping[str, NodeFacts]) -> str:
    what, name, chosen = found.groups()
    if what == "networks":
        return ",".join(dict.fromkeys(_network(facts[each].address) for each in name.split(",")))
    if what == "hosts":
        # Open MPI refuses a file that names a machine of two nodes twice.
        nodes = Counter(facts[each].address for each in name.split(","))
        return "".join(f"{address} slots={int(chosen) * number}\n" for address, number in nodes.items())
    if name not in facts:
        return found[0]
    if what == "gpus":
        return _visible(facts[name].gpus, chosen)
    return facts[name].address if what == "address" else facts[name].interface


def _visible(gpus: tuple[str, ...], chosen: str | None) -> str:
    """The GPUs of a node, or those of them that the job names, counted from 0."""
    if chosen is None:
        return ",".join(gpus)
    by_number = {str(index): gpu for index, gpu in enumerate(gpus)}
    return ",".join(by_number[word.strip()] for word in chosen.split(",") if word.strip() in by_number)


def _network(address: str) -> str:
    """An address as Open MPI takes a network: it stands for the interface that has it."""
    found = ipaddress.ip_address(address)
    return "127.0.0.0/8" if found.is_loopback else f"{found}/{found.max_prefixlen}"
