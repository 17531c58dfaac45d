"""``cntk.tests.test_utils``: the first import of CNTK's notebooks and samples."""

import os
from typing import Final

import numpy as np

from ..device import cpu, gpu, try_set_default_device
from ..missing import missing

TOLERANCE_ABSOLUTE: Final = 1e-6
PRECISION_TO_TYPE: Final = {"float": np.float32, "double": np.float64}
AA: Final = np.asarray


def set_device_from_pytest_env() -> None:
    """Use the device of the variable ``TEST_DEVICE``: ``cpu``, or any other text for the first GPU."""
    if name := os.environ.get("TEST_DEVICE"):
        try_set_default_device(cpu() if name == "cpu" else gpu(0))


__getattr__ = missing(__name__)
