"""The part of the harness that a job may use: ``from harness.job import log_metric``. It needs only Python itself.

The file may also be copied beside a training script. It runs on any Python 3.
"""

import json
import os

_FILE = "metrics"
# Variables with the number of this process in its job; Open MPI, PyTorch and Batch AI set one of them.
_RANKS = ("OMPI_COMM_WORLD_RANK", "RANK", "AZ_BATCHAI_TASK_INDEX")


def log_metric(name: str, value: float, step: "int | None" = None) -> None:
    """Log a number as a line of JSON in ``metrics.jsonl`` beside the job's logs; the harness reads it during the run.

    Processes of a job other than the first write ``metrics-1.jsonl`` and so on. Outside of a job, the line is printed.

    Args:
        name: the name of the metric under the scenario's ``metrics``.
        value: anything that ``float`` accepts: a number, or a tensor with one element; also ``nan`` and infinities.
        step: the step or epoch of the value; default none, then the harness counts from 1.
    """
    values = {name: float(value)}
    if step is not None:
        values["step"] = int(step)
    line = json.dumps(values) + "\n"
    directory = os.environ.get("AZ_BATCHAI_STDOUTERR_DIR")
    if not directory:
        print(line, end="", flush=True)  # noqa: T201 - outside of a job, the user reads the screen
        return
    rank = next((os.environ[variable] for variable in _RANKS if os.environ.get(variable)), "0")
    name = _FILE + ".jsonl" if rank == "0" else _FILE + "-" + rank + ".jsonl"
    # The line is one write, so that processes that append at the same time do not mix their lines.
    with open(os.path.join(directory, name), "ab") as stream:  # noqa: PTH118, PTH123 - a job should import little
        stream.write(line.encode("ascii"))
