"""Names that Batch AI gives to the logs of jobs. Pure.

Most toolkits write one ``stdout.txt`` and one ``stderr.txt``. PyTorch and Caffe2 write ``stdout-0.txt`` for rank 0 and
so on, TensorFlow ``stdout-wk-0.txt`` for the master and ``stdout-ps-0.txt`` for a parameter server.
"""

import re
from collections.abc import Iterable

_STREAMS = ("stdout", "stderr")
_FIRST_RANK = ("", "-0", "-wk-0")  # labels of a single process, or of rank 0
_NUMBER = re.compile(r"\d+")


def resolve(log: str, names: Iterable[str]) -> str | None:
    """The job's name of a log; ``stdout.txt`` means the log of a single process, or of rank 0. None if it has none.

    Args:
        log: the name that the scenario uses.
        names: the names of the job's logs.
    """
    available = set(names)
    if log in available:
        return log
    stem = log.removesuffix(".txt")
    candidates = [f"{stem}{label}.txt" for label in _FIRST_RANK] if stem in _STREAMS else []
    return next((name for name in candidates if name in available), None)


def most_informative(names: Iterable[str]) -> list[str]:
    """The logs of a failed job without those of the service, the one most likely to explain the failure first.

    Standard error comes before standard output, the job before its preparation, and a low rank before a high one.
    """
    logs = [name for name in names if name.startswith(_STREAMS)]
    return sorted(logs, key=_rank)


def _rank(name: str) -> tuple[bool, bool, list[int], str]:
    numbers = [int(number) for number in _NUMBER.findall(name)]
    return not name.startswith("stderr"), "-job_prep" in name, numbers, name
