"""Logs of jobs, by the names that Batch AI gives them. Pure.

Most toolkits write one ``stdout.txt`` and one ``stderr.txt``. PyTorch and Caffe2 write ``stdout-0.txt`` for rank 0 and
so on, TensorFlow ``stdout-wk-0.txt`` for the master and ``stdout-ps-0.txt`` for a parameter server.
"""

import re
from collections.abc import Iterable

_STREAMS = ("stdout", "stderr")
_FIRST_RANK = ("", "-0", "-wk-0")  # labels of the only process, or of rank 0
_NUMBER = re.compile(r"\d+")


def resolve(wanted: str, names: Iterable[str]) -> str | None:
    """The name of a log as a job has it; ``stdout.txt`` means the log of the only process, or of rank 0.

    Args:
        wanted: the name that a scenario gives.
        names: the names of the logs that the job has.
    """
    available = set(names)
    if wanted in available:
        return wanted
    stem = wanted.removesuffix(".txt")
    candidates = [f"{stem}{label}.txt" for label in _FIRST_RANK] if stem in _STREAMS else []
    return next((name for name in candidates if name in available), None)


def most_telling(names: Iterable[str]) -> list[str]:
    """The logs of a failed job, most likely to explain the failure first, without those of the service.

    Standard error before standard output, the job's own before those of its preparation, low ranks before high ones.
    """
    logs = [name for name in names if name.startswith(_STREAMS)]
    return sorted(logs, key=_rank)


def _rank(name: str) -> tuple[bool, bool, list[int], str]:
    numbers = [int(number) for number in _NUMBER.findall(name)]
    return not name.startswith("stderr"), "-job_prep" in name, numbers, name
