"""PyTorch and Caffe2: one process per rank, its rank in ``AZ_BATCHAI_TASK_INDEX``, streams of its own."""

from harness.toolkits.toolkit import Assignment, Process, choice, count, script, spread, text


def meeting_file(shared: str) -> str:
    """Where the ranks of PyTorch meet, in the directory that all nodes see."""
    return f"file://{shared}/pytorch-init"


def pytorch(job: Assignment) -> tuple[Process, ...]:
    """``processCount`` ranks, which meet by a file that all nodes see."""
    meeting = {
        "AZ_BATCHAI_PYTORCH_INIT_METHOD": meeting_file(job.shared),
        "AZ_BATCHAI_PYTORCH_BACKEND": text(job.settings, "communicationBackend").lower() or "gloo",
    }
    return _ranks(job, count(job), toolkit="pyTorch", environment=meeting)


def caffe2(job: Assignment) -> tuple[Process, ...]:
    """One rank a node."""
    return _ranks(job, len(job.nodes), toolkit="caffe2", environment={})


def _ranks(job: Assignment, number: int, *, toolkit: str, environment: dict[str, str]) -> tuple[Process, ...]:
    chosen = choice(job, toolkit)
    return tuple(
        Process(
            rank,
            node,
            script(job, chosen.python),
            {**environment, "AZ_BATCHAI_TASK_INDEX": str(rank)},
            label=f"-{rank}",
            note=f"toolkit: {chosen.description}",
            python=chosen.python,
        )
        for rank, node in enumerate(spread(job, number))
    )
