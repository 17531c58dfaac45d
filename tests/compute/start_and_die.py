"""Starts a job as an emulator does, and is killed: ``python -m tests.compute.start_and_die < PICKLED``."""

import os
import pickle
import signal
import sys

from tests.compute.laboratory import Laboratory

if __name__ == "__main__":
    recipe, job = pickle.load(sys.stdin.buffer)
    Laboratory(recipe).start(job)
    os.kill(os.getpid(), signal.SIGKILL)
