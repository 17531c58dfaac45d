"""The factory of the back end ``container``."""

from harness.compute.backend import Backend
from harness.compute.backend_context import BackendContext
from harness.compute.container.backend import ContainerBackend, ContainerOptions


def make(context: BackendContext) -> Backend:
    """Create the back end."""
    return ContainerBackend(
        context.on_change,
        machine=context.machine,
        clock=context.clock,
        environ=context.environ,
        emulator=context.emulator,
        jobs=context.jobs,
        options=ContainerOptions(
            host_images=context.images.on_host is True, image_map=dict(context.images.mapped), user=context.images.user
        ),
    )
