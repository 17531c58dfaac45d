"""The factory of the back end ``process``."""

from harness.compute.backend import Backend
from harness.compute.backend_context import BackendContext
from harness.compute.process import ProcessBackend


def make(context: BackendContext) -> Backend:
    """Create the back end, and start its supervisor server."""
    backend = ProcessBackend(
        context.on_change,
        machine=context.machine,
        clock=context.clock,
        host_images=context.images.on_host is not False,
    )
    backend.prepare(context.jobs)
    return backend
