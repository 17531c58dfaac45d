"""The datastores of Azure ML that a job names, as the volumes of a scenario, and back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.interchange.draft import literal, share_name
from harness.interchange.mounts import ROOT
from harness.scenario.volumes import VolumeKind

_URI = re.compile(r"azureml:(?://(?:[^/]+/)*?datastores/|datastores/)([^/]+)/paths/?(.*)", re.DOTALL)
_OWN = "azurefileshare"


@dataclass
class Datastores:
    """The volumes of a scenario that is made of a job of Azure ML.

    Attributes:
        known: the volumes of the tag that an export leaves, by datastore: kind, name, mount.
        uploads: what is uploaded to the job's own share.
    """

    own: str
    known: Mapping[str, tuple[VolumeKind, str, str]] = field(default_factory=dict)
    uploads: list[dict[str, str]] = field(default_factory=list)
    _used: dict[str, tuple[VolumeKind, str, str]] = field(default_factory=dict)

    def place(self, uri: str) -> str | None:
        """Where jobs see what a uri names; None where it names no path of a datastore."""
        found = _URI.fullmatch(uri)
        if found is None:
            return None
        datastore, path = found[1], found[2]
        if datastore not in self._used:
            kind: VolumeKind = "share" if datastore == "workspacefilestore" else "container"
            name = share_name(datastore)
            self._used[datastore] = self.known.get(datastore, (kind, name, name))
        return "/".join(filter(None, (f"{ROOT}/{self._used[datastore][2]}", literal(path.strip("/")))))

    @property
    def home(self) -> str:
        """Where the job's own files, logs and outputs are: its own share, or the first volume of an export."""
        return f"{ROOT}/{next(iter(self.known.values()))[2] if self.known else _OWN}"

    def sections(self) -> dict[str, Any]:
        """``share``, ``shares`` and ``containers`` of the scenario."""
        known = self.known.values()
        volumes = [*known, *(volume for volume in self._used.values() if volume not in known)]
        own = {"name": share_name(self.own), "mount": _OWN, "upload": self.uploads or None}
        shares = [] if self.known else [{key: value for key, value in own.items() if value}]
        shares += [{"name": name, "mount": mount} for kind, name, mount in volumes if kind == "share"]
        containers = [{"name": name, "mount": mount} for kind, name, mount in volumes if kind == "container"]
        first = shares[0] if shares else None
        return {"share": first, "shares": shares[1:], "containers": containers}
