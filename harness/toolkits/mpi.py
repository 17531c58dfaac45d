"""Chainer, Horovod and custom MPI: one launcher over all processes."""

from harness.toolkits.frameworks import Choice
from harness.toolkits.toolkit import Assignment, Process, choice, count, script, text, under_mpi


def chainer(job: Assignment) -> tuple[Process, ...]:
    """``mpirun python <script> <args>``."""
    return _launch_script(job, "chainer")


def horovod(job: Assignment) -> tuple[Process, ...]:
    """``mpirun python <script> <args>``."""
    return _launch_script(job, "horovod")


def command_line(job: Assignment) -> tuple[Process, ...]:
    """``mpirun <commandLine>`` (custom MPI)."""
    return _launch(job, text(job.settings, "commandLine"), Choice("", "custom command line"))


def _launch_script(job: Assignment, toolkit: str) -> tuple[Process, ...]:
    interpreter = choice(job, toolkit)
    return _launch(job, script(job, interpreter.python), interpreter)


def _launch(job: Assignment, command: str, interpreter: Choice) -> tuple[Process, ...]:
    launched = under_mpi(job, command, processes=count(job))
    note = f"toolkit: {interpreter.description} under {job.mpirun}, {count(job)} processes"
    return (Process(0, job.nodes[0], launched, note=note, python=interpreter.python),)
