"""Caffe: ``caffe train --solver=<configFilePath> <args>``, or a Python script."""

from harness.toolkits.toolkit import Assignment, Process, choice, count, quoted, script, text, under_mpi


def processes(job: Assignment) -> tuple[Process, ...]:
    """One launcher on the first node, under mpirun where there are several processes."""
    config = text(job.settings, "configFilePath")
    if config:
        command = f"caffe train --solver={quoted(config)} {text(job.settings, 'commandLineArgs')}".rstrip()
    else:
        chosen = choice(job, "caffe")
        command = script(job, chosen.python)
    if count(job) > 1:
        command = under_mpi(job, command, processes=count(job))
    description, python = ("Caffe", "") if config else (chosen.description, chosen.python)
    return (Process(0, job.nodes[0], command, note=f"toolkit: {description}", python=python),)
