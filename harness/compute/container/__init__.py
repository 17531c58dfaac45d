"""Jobs with an image, run in containers of Docker's or Podman's engine by the Docker API.

The emulator itself never talks to an engine beyond asking whether it answers. The supervisor of a job runs
``python -m harness.compute.container`` in place of each of the job's processes: that program has the container made,
carries its output and its exit code, and passes signals on. So a job with an image is adopted, limited and terminated
exactly as one without.
"""
