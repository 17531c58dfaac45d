"""Caffe: ``caffe train --solver=<configFilePath> <args>``, or a Python script."""

from harness.toolkits.toolkit import Assignment, Process, choice, count, quoted, script, text, under_mpi


def processes(job: Assignment) -> tuple[Process, ...]:
    """One launcher on the first node; several processes run under mpirun."""
    config = text(job.settings, "configFilePath")
    if config:
        command = f"caffe train --solver={quoted(config)} {text(job.settings, 'commandLineArgs')}".rstrip()
    else:
        interpreter = choice(job, "caffe")
        command = script(job, interpreter.python)
    if count(job) > 1:
        command = under_mpi(job, command, processes=count(job))
    description, python = ("Caffe", "") if config else (interpreter.description, interpreter.python)
    return (Process(0, job.nodes[0], command, note=f"toolkit: {description}", python=python),)
