"""What a job may use of the harness: ``from harness.job import log_metric``. It needs nothing but Python itself.

The file may also be copied beside a training script. It runs on every Python 3.
"""

import json
import os

_FILE = "metrics"
# Which process of a job this is, by what starts it: Open MPI, PyTorch, Batch AI.
_RANKS = ("OMPI_COMM_WORLD_RANK", "RANK", "AZ_BATCHAI_TASK_INDEX")


def log_metric(name: str, value: float, step: "int | None" = None) -> None:
    """Log a number: a line of JSON in ``metrics.jsonl`` beside its logs, which the harness reads as it grows.

    Processes of a job other than the first write ``metrics-1.jsonl`` and so on. Outside of a job, the line is printed.

    Args:
        name: of the metric, as the scenario has it under ``metrics``.
        value: what ``float`` takes: a number, or a tensor of one; ``nan`` and infinities too.
        step: which step or epoch it belongs to; default none, and the harness counts from 1.
    """
    values = {name: float(value)}
    if step is not None:
        values["step"] = int(step)
    line = json.dumps(values) + "\n"
    directory = os.environ.get("AZ_BATCHAI_STDOUTERR_DIR")
    if not directory:
        print(line, end="", flush=True)  # noqa: T201 - where nobody reads a file, a person reads the screen
        return
    rank = next((os.environ[each] for each in _RANKS if os.environ.get(each)), "0")
    name = _FILE + ".jsonl" if rank == "0" else _FILE + "-" + rank + ".jsonl"
    # One write of a whole line: processes that append at a time do not mix their lines.
    with open(os.path.join(directory, name), "ab") as stream:  # noqa: PTH118, PTH123 - the least that a job imports
        stream.write(line.encode("ascii"))
