"""Determines the directories of a job that are copied to machines that do not see the data directory."""

from pathlib import Path

from harness.compute.backend import Plan
from harness.compute.ray.messages import Tree
from harness.compute.ray.rewriting import outermost, relative_to

# The copied names in the job directory; the others are created on the node or belong to the emulator and supervisor.
_OWN = ("shared", "unmounted", "supervisor.log", "mounting.log", "engine.log", "uncleaned")


def trees_of(plan: Plan, data: Path) -> tuple[Tree, ...]:
    """Return the trees of a plan. The path of a tree outside the data directory is absolute."""
    written = tuple(_tree(path, data) for path in outermost(plan.trees))
    read = tuple(
        _tree(path, data, is_read_only=True)
        for path in outermost(plan.reads)
        if not any(path.is_relative_to(tree) for tree in plan.trees)
    )
    return (Tree(_relative(plan.directory, data), only=_OWN), *written, *read)


def _tree(path: Path, data: Path, *, is_read_only: bool = False) -> Tree:
    if path.is_file():
        return Tree(_relative(path.parent, data), only=(path.name,), is_read_only=is_read_only)
    return Tree(_relative(path, data), is_read_only=is_read_only)


def _relative(path: Path, data: Path) -> str:
    return relative_to(path, data) if path.is_relative_to(data) else str(path)
