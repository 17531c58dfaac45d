"""The interface of an API version: how it reads definitions and shows resources."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from harness.emulator.engine.model.address import Address, Kind
from harness.emulator.engine.model.records import Cluster, Experiment, FileServer, Job, Workspace
from harness.emulator.providers.batchai.model.operation_times import OperationTimes

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OutputEntry:
    """One entry of an output directory.

    ``link`` reads a file, or the empty blob that marks a directory of a container; other directories have none.
    """

    name: str
    is_directory: bool
    link: str
    modified: datetime
    length: int


class Version(Protocol):
    """One API version: a thin translation of the internal model."""

    name: str
    is_flat: bool  # whether resources are directly in the resource group, each with a location
    times: OperationTimes

    @property
    def location_path(self) -> str:
        """The path of an operation in the ``Location`` header: ``operationresults`` or ``operationstatuses``."""

    def read(self, properties: Document) -> Document:
        """Translate the ``properties`` of a definition to the form of 2018-05."""

    def target(self, address: Address) -> str:
        """The name of a resource in operations: names joined by ``$``."""

    def segment(self, kind: Kind, address: Address, incarnation: str) -> str:
        """The part of output paths that the service generates."""

    @property
    def logs(self) -> str:
        """The folder of a job's streams below its segment."""

    def workspace(self, workspace: Workspace) -> Document:
        """A workspace as this version shows it."""

    def experiment(self, experiment: Experiment) -> Document:
        """An experiment as this version shows it."""

    def cluster(self, cluster: Cluster) -> Document:
        """A cluster as this version shows it."""

    def file_server(self, server: FileServer) -> Document:
        """A file server as this version shows it."""

    def job(self, job: Job) -> Document:
        """A job as this version shows it."""

    def files(self, entries: Iterable[OutputEntry]) -> list[Document]:
        """The entries of an output directory, as this version shows and orders them."""
