"""Sets up nodes before they become idle: mounts the volumes of their cluster, and runs its set-up task."""

from datetime import datetime

from harness.compute.backend import Backend
from harness.emulator.engine.job_specs import JobSpecError, JobSpecs
from harness.emulator.engine.model.records import Cluster, Node, Problem
from harness.emulator.engine.node_directories import delete_directory
from harness.emulator.engine.rules.nodes import is_coming
from harness.emulator.engine.rules.scaling_context import NodeMachines
from harness.errors import ToolkitError


class NodeSetupRunner:
    """Runs set-up tasks. The rules decide how their results move the nodes.

    Args:
        specs: describes set-up tasks to the back end.
        backend: runs set-up tasks.
    """

    def __init__(self, specs: JobSpecs, backend: Backend) -> None:
        self._specs = specs
        self._backend = backend
        self._watched: set[str] = set()  # nodes whose task this process has started or adopted

    def has_task(self, cluster: Cluster) -> bool:
        """Whether the nodes of a cluster have a set-up task."""
        setup = cluster.spec.node_setup
        return bool(setup and setup.setup_task)

    def outcomes(
        self, cluster: Cluster, now: datetime, machines: NodeMachines | None
    ) -> tuple[Problem | None, dict[str, bool | Problem]]:
        """The problem of a mount that failed, and the result of each set-up task that has ended, by node.

        Args:
            machines: the nodes that have machines; None if nodes need no machines.
        """
        coming = [node for node in cluster.nodes if is_coming(node)]
        mounts = self._mount_problem(cluster) if coming else None
        setups: dict[str, bool | Problem] = {}
        for node in coming if self.has_task(cluster) and not mounts else ():
            is_due = node.due is None or node.due <= now
            is_placed = machines is None or node.id in machines.placed
            if node.state == "preparing" and is_due and is_placed:
                outcome = self._set_up(cluster, node)
                if outcome is not None:
                    setups[node.id] = outcome
        return mounts, setups

    def clear(self, before: Cluster, after: Cluster) -> None:
        """Delete the files of removed nodes, and of set-up tasks that have ended."""
        remaining = {node.id: node for node in after.nodes}
        for node in before.nodes:
            has_ended = node.id not in remaining or remaining[node.id].state in ("idle", "unusable")
            if has_ended and node.id in self._watched:
                self._watched.discard(node.id)
                self._backend.terminate(self._specs.setup_directory(before, node))
                self._backend.forget(self._specs.setup_directory(before, node))
            if node.id not in remaining:
                delete_directory(self._specs.cluster_directory(before) / node.id)

    def _mount_problem(self, cluster: Cluster) -> Problem | None:
        try:
            self._specs.cluster_mounts(cluster)
        except JobSpecError as error:
            return error.problem
        return None

    def _set_up(self, cluster: Cluster, node: Node) -> bool | Problem | None:
        """The result of a node's set-up task, which is started if necessary; None while it runs."""
        directory = self._specs.setup_directory(cluster, node)
        if node.id not in self._watched:
            self._watched.add(node.id)
            try:
                if not self._backend.adopt(directory):
                    self._backend.start(self._backend.plan_task(self._specs.setup(cluster, node)))
            except JobSpecError as error:
                return error.problem
            except (ToolkitError, OSError) as error:
                return Problem("NodeSetupTaskFailed", f"Node setup task could not be started: {error}")
        progress = self._backend.poll(directory)
        if progress.state != "finished":
            return None
        if progress.error is None:
            return True
        details = (("NodeId", node.id), ("ExitCode", str(progress.exit_code)))
        failed = "with non-zero exit code" if progress.error == "JobFailed" else f"({progress.message})"
        return Problem("NodeSetupTaskFailed", f"Node setup task failed {failed}", details)
