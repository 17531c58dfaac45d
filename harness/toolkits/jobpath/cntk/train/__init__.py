"""Training: ``cntk.train``."""

from ..missing import missing
from ..schedules import minibatch_size_schedule
from . import distributed, trainer
from .distributed import Communicator, data_parallel_distributed_learner
from .trainer import Trainer
from .training_session import (
    CheckpointConfig,
    CrossValidationConfig,
    DataUnit,
    TestConfig,
    TrainingSession,
    training_session,
)

__all__ = [
    "CheckpointConfig", "Communicator", "CrossValidationConfig", "DataUnit", "TestConfig", "Trainer", "TrainingSession",
    "data_parallel_distributed_learner", "distributed", "minibatch_size_schedule", "trainer", "training_session",
]  # fmt: skip

__getattr__ = missing(__name__)
