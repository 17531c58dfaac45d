"""Starts a job like an emulator, and kills itself: ``python -m tests.compute.start_and_die < PICKLED``."""

import os
import pickle
import signal
import sys

from tests.compute.job_runner import JobRunner

if __name__ == "__main__":
    recipe, job = pickle.load(sys.stdin.buffer)
    JobRunner(recipe).start(job)
    os.kill(os.getpid(), signal.SIGKILL)
