"""The back end ``container``: jobs with an image run in containers of Docker or Podman, by the Docker API.

The emulator itself only checks whether an engine answers. The supervisor of a job runs
``python -m harness.compute.container`` in place of each of the job's processes: that program creates the container,
copies its output, forwards signals and ends with its exit code. So a job with an image is adopted, limited and
terminated exactly as a job without one.
"""
