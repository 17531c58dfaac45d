"""The part of the CNTK 2.x Python API that Batch AI's quickstart uses, computed by PyTorch.

It stands in where Microsoft's CNTK 2.7 (2019, Python 3.6) cannot be installed. Names, shapes and numbers follow CNTK:
sums of gradients, rates per sample, unit-gain momentum, Glorot weights, padding. What is not here raises an
``AttributeError`` that says so. ``BACKEND`` tells it from the real one, which has no such name.
"""

import torch

from . import cntk_py, device, initializer, io, layers, learners, logging, losses, metrics, ops, random, train
from .function import Constant, Function, Parameter, Variable, constant, input_variable
from .learners import (
    UnitType,
    learning_parameter_schedule,
    learning_parameter_schedule_per_sample,
    learning_rate_schedule,
    momentum_as_time_constant_schedule,
    momentum_schedule,
    momentum_sgd,
    sgd,
)
from .missing import missing
from .model_file import load_model
from .ops import (
    classification_error,
    cross_entropy_with_softmax,
    dropout,
    element_divide,
    element_times,
    minus,
    plus,
    relu,
    reshape,
    sigmoid,
    softmax,
    tanh,
    times,
)
from .train import Trainer

__all__ = [
    "BACKEND", "Constant", "Function", "Parameter", "Trainer", "UnitType", "Variable", "classification_error",
    "cntk_py", "constant", "cross_entropy_with_softmax", "device", "dropout", "element_divide", "element_times",
    "initializer", "input_variable", "io", "layers", "learners", "learning_parameter_schedule",
    "learning_parameter_schedule_per_sample", "learning_rate_schedule", "load_model", "logging", "losses", "metrics",
    "minus", "momentum_as_time_constant_schedule", "momentum_schedule", "momentum_sgd", "ops", "plus", "random",
    "relu", "reshape", "sgd", "sigmoid", "softmax", "tanh", "times", "train",
]  # fmt: skip

__version__ = "2.7"
BACKEND = f"PyTorch {torch.__version__}"

random.set_fixed_random_seed(1)  # CNTK's runs are alike unless a script chooses a seed

__getattr__ = missing(__name__)
