"""All back ends by name: those of this package, and those that other packages provide.

Another package registers its back end as an entry point of the group ``batchai_harness.compute``: a function that
takes a ``BackendContext`` and returns a ``Backend``. ``harness docs backends`` shows how.
"""

from importlib.metadata import EntryPoint, entry_points

from harness.compute.backend_context import BackendContext, BackendFactory, Images
from harness.errors import ToolkitError

__all__ = ["BackendContext", "BackendFactory", "Images", "backend_names", "find_factory", "parse_compute"]

GROUP = "batchai_harness.compute"

# Each is imported when the first job needs it: a command that only checks a name imports none of them.
OWN = {
    "process": "harness.compute.process_factory:make",
    "container": "harness.compute.container.factory:make",
    "ray": "harness.compute.ray.factory:make",
}
# The back ends that run jobs on this machine, and the error text for an address.
_WITHOUT_ADDRESS = {
    "process": "it runs jobs on this machine",
    "container": "it finds the engine of this machine, which the variable DOCKER_HOST may name",
}


def backend_names() -> tuple[str, ...]:
    """The names of all back ends."""
    return (*OWN, *sorted(set(_plugins()) - set(OWN)))


def parse_compute(text: str) -> tuple[str, str]:
    """Split ``NAME`` or ``NAME:ADDRESS`` into the name and the address.

    Raises:
        ToolkitError: there is no back end of that name, or it takes no address.
    """
    name, _, address = text.partition(":")
    if name not in OWN and name not in backend_names():  # searching other packages takes long, so it comes second
        raise ToolkitError(f"there is no compute back end {name!r}; there are {', '.join(backend_names())}")
    if address and name in _WITHOUT_ADDRESS:
        raise ToolkitError(
            f"the compute back end {name!r} takes no address, found {address!r}: {_WITHOUT_ADDRESS[name]}"
        )
    return name, address


def find_factory(name: str) -> BackendFactory:
    """Return the factory of a back end that ``backend_names`` lists.

    Raises:
        ToolkitError: the package of the back end cannot be imported.
    """
    entry = EntryPoint(name, OWN[name], GROUP) if name in OWN else _plugins()[name]
    try:
        factory: BackendFactory = entry.load()
    except (ImportError, AttributeError) as error:
        raise ToolkitError(f"the compute back end {name!r} ({entry.value}) cannot be imported: {error}") from error
    return factory


def _plugins() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
