"""Custom toolkit: the user's command line, in a shell, on the first node only."""

from harness.toolkits.toolkit import Assignment, Process, text


def processes(job: Assignment) -> tuple[Process, ...]:
    """The unchanged command line."""
    return (Process(0, job.nodes[0], text(job.settings, "commandLine"), note="toolkit: custom command line"),)
