"""CNTK: ``python <script> <args>``, under mpirun where there are several processes."""

from harness.errors import ToolkitError
from harness.toolkits.ranked import meeting_file
from harness.toolkits.toolkit import Assignment, Process, count, script, text, under_mpi

_BRAINSCRIPT = (".cntk", ".bs")  # the endings of its scripts


def processes(job: Assignment) -> tuple[Process, ...]:
    """One launcher on the first node.

    Raises:
        ToolkitError: BrainScript, which needs the ``cntk`` program; or no interpreter can import cntk.
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
    found = job.cntk()
    number = count(job)
    command = script(job, found.python)
    if number > 1:
        command = under_mpi(job, command, processes=number)
    # Where the workers of CNTK on PyTorch meet; Open MPI alone says which of its runs they belong to.
    meeting = {"HARNESS_CNTK_MEETING": meeting_file(job.shared)} if number > 1 else {}
    threads = {"OMP_NUM_THREADS": str(max(1, job.cpus // number))}
    environment = {**threads, **meeting, **found.environment}
    return (Process(0, job.nodes[0], command, environment, note=f"toolkit: {found.description}", python=found.python),)
