"""The factory of the back end ``ray``."""

from harness.compute.backend import Backend
from harness.compute.backend_context import BackendContext
from harness.compute.ray.backend import RayBackend, RayOptions


def make(context: BackendContext) -> Backend:
    """Create the back end."""
    return RayBackend(
        context.on_change,
        machine=context.machine,
        clock=context.clock,
        environ=context.environ,
        options=RayOptions(
            context.address,
            context.emulator,
            directory=context.jobs.parent / "ray",
            host_images=context.images.on_host is not False,
        ),
    )
