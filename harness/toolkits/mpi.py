"""Chainer, Horovod and custom MPI: one launcher over all processes."""

from harness.toolkits.toolkit import Assignment, Process, count, interpreter, script, text, under_mpi


def scripts(job: Assignment) -> tuple[Process, ...]:
    """``mpirun python <script> <args>`` (Chainer, Horovod)."""
    return _launch(job, script(job, interpreter(job)))


def command_line(job: Assignment) -> tuple[Process, ...]:
    """``mpirun <commandLine>`` (custom MPI)."""
    return _launch(job, text(job.settings, "commandLine"))


def _launch(job: Assignment, command: str) -> tuple[Process, ...]:
    launched = under_mpi(job, command, processes=count(job))
    return (Process(0, job.nodes[0], launched, note=f"toolkit: {job.mpirun}, {count(job)} processes"),)
