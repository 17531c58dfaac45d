"""CNTK: ``python <script> <args>``; several processes run under mpirun."""

from harness.errors import ToolkitError
from harness.toolkits.ranked import meeting_file
from harness.toolkits.toolkit import Assignment, Process, count, script, text, under_mpi

_BRAINSCRIPT = (".cntk", ".bs")  # suffixes of BrainScript files


def processes(job: Assignment) -> tuple[Process, ...]:
    """One launcher on the first node.

    Raises:
        ToolkitError: the job uses BrainScript, which needs the ``cntk`` program; or no interpreter can import cntk.
    """
    if (
        text(job.settings, "configFilePath")
        or text(job.settings, "languageType").lower() == "brainscript"
        or text(job.settings, "pythonScriptFilePath").lower().endswith(_BRAINSCRIPT)
    ):
        raise ToolkitError(
            "BrainScript (configFilePath, languageType BrainScript, a script *.cntk or *.bs) is not supported; "
            "use pythonScriptFilePath with a Python script"
        )
    interpreter = job.cntk()
    number = count(job)
    command = script(job, interpreter.python)
    if number > 1:
        command = under_mpi(job, command, processes=number)
    # The workers of CNTK on PyTorch meet at this file; only Open MPI knows to which of its runs they belong.
    meeting = {"HARNESS_CNTK_MEETING": meeting_file(job.shared)} if number > 1 else {}
    threads = {"OMP_NUM_THREADS": str(max(1, job.cpus // number))}
    environment = {**threads, **meeting, **interpreter.environment}
    note = f"toolkit: {interpreter.description}"
    return (Process(0, job.nodes[0], command, environment, note=note, python=interpreter.python),)
