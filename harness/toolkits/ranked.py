"""PyTorch and Caffe2: a process with its own streams for each rank, which is in ``AZ_BATCHAI_TASK_INDEX``."""

from harness.toolkits.toolkit import Assignment, Process, choice, count, script, spread, text


def meeting_file(shared: str) -> str:
    """The URL of the file at which the ranks of PyTorch meet, in the directory that all nodes share."""
    return f"file://{shared}/pytorch-init"


def pytorch(job: Assignment) -> tuple[Process, ...]:
    """``processCount`` ranks, which meet at a file that all nodes share."""
    meeting = {
        "AZ_BATCHAI_PYTORCH_INIT_METHOD": meeting_file(job.shared),
        "AZ_BATCHAI_PYTORCH_BACKEND": text(job.settings, "communicationBackend").lower() or "gloo",
    }
    return _ranks(job, count(job), toolkit="pyTorch", environment=meeting)


def caffe2(job: Assignment) -> tuple[Process, ...]:
    """One rank a node."""
    return _ranks(job, len(job.nodes), toolkit="caffe2", environment={})


def _ranks(job: Assignment, number: int, *, toolkit: str, environment: dict[str, str]) -> tuple[Process, ...]:
    interpreter = choice(job, toolkit)
    return tuple(
        Process(
            rank,
            node,
            script(job, interpreter.python),
            {**environment, "AZ_BATCHAI_TASK_INDEX": str(rank)},
            label=f"-{rank}",
            note=f"toolkit: {interpreter.description}",
            python=interpreter.python,
        )
        for rank, node in enumerate(spread(job, number))
    )
