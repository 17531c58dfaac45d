"""The datastores of Azure ML that a job names, as the volumes of a scenario."""

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
    """The volumes of a scenario that is imported from a job of Azure ML.

    Attributes:
        share: the name of a share for the job's own files, unless the job is an export.
        exported: kind, name and mount of the volumes in the tag of an export, by datastore.
        uploads: the files that are uploaded to the job's own share.
    """

    share: str
    exported: Mapping[str, tuple[VolumeKind, str, str]] = field(default_factory=dict)
    uploads: list[dict[str, str]] = field(default_factory=list)
    _used: dict[str, tuple[VolumeKind, str, str]] = field(default_factory=dict)

    def mount_path(self, uri: str) -> str | None:
        """Return the path of a URI on nodes; None if it is not a path of a datastore."""
        match = _URI.fullmatch(uri)
        if match is None:
            return None
        datastore, path = match[1], match[2]
        if datastore not in self._used:
            kind: VolumeKind = "share" if datastore == "workspacefilestore" else "container"
            name = share_name(datastore)
            self._used[datastore] = self.exported.get(datastore, (kind, name, name))
        return "/".join(filter(None, (f"{ROOT}/{self._used[datastore][2]}", literal(path.strip("/")))))

    @property
    def home(self) -> str:
        """The directory of the job's files, logs and outputs: on its own share, or on the first volume of an export."""
        return f"{ROOT}/{next(iter(self.exported.values()))[2] if self.exported else _OWN}"

    def sections(self) -> dict[str, Any]:
        """Return ``share``, ``shares`` and ``containers`` of the scenario."""
        exported = self.exported.values()
        volumes = [*exported, *(volume for volume in self._used.values() if volume not in exported)]
        own = {"name": share_name(self.share), "mount": _OWN, "upload": self.uploads or None}
        shares = [] if self.exported else [{key: value for key, value in own.items() if value}]
        shares += [{"name": name, "mount": mount} for kind, name, mount in volumes if kind == "share"]
        containers = [{"name": name, "mount": mount} for kind, name, mount in volumes if kind == "container"]
        first = shares[0] if shares else None
        return {"share": first, "shares": shares[1:], "containers": containers}
