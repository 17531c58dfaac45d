"""The volumes of Batch AI's jobs and clusters as those of a scenario, and where the paths on them have gone."""

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from harness.interchange.draft import share_name
from harness.interchange.source import Source
from harness.scenario.document import FieldPath
from harness.scenario.volumes import VolumeKind

Level = Literal["cluster", "job"]
"""Which of them mounts a volume: each has a root of its own."""

ROOT = "$AZ_BATCHAI_MOUNT_ROOT"
_PLACES = re.compile(r"\$(?:AZ_BATCHAI_(JOB_)?MOUNT_ROOT\b|\{AZ_BATCHAI_(JOB_)?MOUNT_ROOT\})(/[\w./-]*)?", re.ASCII)
_MOST_MOUNTS = 100
_NO_OTHER = (
    "a scenario has file shares and blob containers only; {share} stands for it, and its files must be put there"
)


@dataclass(frozen=True, slots=True)
class _Mount:
    level: Level
    path: PurePosixPath
    place: str  # where a scenario's jobs see it, below the root


@dataclass
class Mounts:
    """What was mounted, and where a scenario mounts it."""

    volumes: dict[tuple[VolumeKind, str], dict[str, Any]] = field(default_factory=dict)
    _mounts: list[_Mount] = field(default_factory=list)
    _accounts: set[str] = field(default_factory=set)

    def take(self, source: Source, level: Level, *where: str | int) -> None:
        """Take the field ``mountVolumes`` of a job or of the set-up of a cluster."""
        for item in source.items(*where, "azureFileShares"):
            self._take_share(source, level, item)
        for item in source.items(*where, "azureBlobFileSystems"):
            source.drop(*item, "mountOptions", why="the options of blobfuse are the service's")
            name = source.text(*item, "containerName") or ""
            self._take_account(source, item, source.text(*item, "accountName") or "")
            self._add(source, level, item, kind="container", name=name)
        for item in source.items(*where, "fileServers"):
            source.ignore(*item, "fileServer", "id")
            source.ignore(*item, "mountOptions")
            source.ignore(*item, "sourceDirectory")
            self._stand_in(source, level, item)
        for item in source.items(*where, "unmanagedFileSystems"):
            source.ignore(*item, "mountCommand")
            self._stand_in(source, level, item)

    def placed(self, text: str, source: Source, *field_path: str | int) -> str:
        """A text with the paths on volumes as a scenario's job sees them.

        A volume that nothing seems to mount gets a share of its mount's name: the cluster that a job names has mounted
        it.
        """

        def moved(found: re.Match[str]) -> str:
            level: Level = "job" if found[1] or found[2] else "cluster"
            below = PurePosixPath((found[3] or "").strip("/") or ".")
            if below == PurePosixPath():
                return f"{ROOT}{found[3] or ''}"
            mount = self._mount_of(level, below) or self._guessed(source, level, below, field_path)
            end = "/" if found[3] and found[3].endswith("/") else ""
            rest = below.relative_to(mount.path)
            return f"{ROOT}/{PurePosixPath(mount.place) / rest}{end}"

        return _PLACES.sub(moved, text)

    def sections(self) -> dict[str, Any]:
        """``share``, ``shares`` and ``containers`` of the scenario."""
        shares = [volume for (kind, _), volume in self.volumes.items() if kind == "share"]
        containers = [volume for (kind, _), volume in self.volumes.items() if kind == "container"]
        return {"share": shares[0] if shares else None, "shares": shares[1:], "containers": containers}

    def _take_share(self, source: Source, level: Level, item: FieldPath) -> None:
        source.ignore(*item, "fileMode")
        source.ignore(*item, "directoryMode")
        url = urlsplit(source.text(*item, "azureFileUrl") or "")
        name, _, directory = unquote(url.path).strip("/").partition("/")
        account = source.text(*item, "accountName") or url.netloc.partition(".")[0]
        self._take_account(source, item, account)
        self._add(source, level, item, kind="share", name=name, directory=directory)

    def _take_account(self, source: Source, item: FieldPath, account: str) -> None:
        source.ignore(*item, "credentials")
        if account.startswith("<"):  # as recipes write what az fills in
            return
        if account and self._accounts and account not in self._accounts:
            source.note(*item, text=f"account {account} is another one; a scenario has one account, of the settings")
        if account:
            self._accounts.add(account)

    def _stand_in(self, source: Source, level: Level, item: FieldPath) -> None:
        path = source.text(*item, "relativeMountPath") or ""
        name = share_name(path)
        source.note(*item, text=f"is not carried over: {_NO_OTHER.format(share=f'the share {name}')}")
        self._add(source, level, item, kind="share", name=name)

    def _add(
        self, source: Source, level: Level, item: FieldPath, *, kind: VolumeKind, name: str, directory: str = ""
    ) -> None:
        path = PurePosixPath((source.text(*item, "relativeMountPath") or "").strip("/") or ".")
        if path == PurePosixPath() or ".." in path.parts:
            raise source.refuse(*item, "relativeMountPath", text="gives no place to mount at")
        proper = share_name(name or str(path))
        if proper != name:
            source.note(*item, text=f"{name!r} cannot be the name of a {kind}; {proper} stands for it")
        volume = self.volumes.get((kind, proper))
        if volume is None:
            volume = {"name": proper, "mount": self._free_mount(path, level)}
            self.volumes[kind, proper] = volume
        self._keep(source, item, _Mount(level, path, str(PurePosixPath(volume["mount"]) / directory)))

    def _free_mount(self, path: PurePosixPath, level: Level) -> str:
        """Where to mount: no mount may be in another one."""
        taken = [PurePosixPath(volume["mount"]) for volume in self.volumes.values()]
        wanted = [path, PurePosixPath("-".join(path.parts)), *(PurePosixPath(f"{level}-{n}") for n in range(2, 1000))]
        return next(
            str(one)
            for one in wanted
            if not any(one.is_relative_to(other) or other.is_relative_to(one) for other in taken)
        )

    def _mount_of(self, level: Level, path: PurePosixPath) -> _Mount | None:
        fitting = [mount for mount in self._mounts if mount.level == level and path.is_relative_to(mount.path)]
        return max(fitting, key=lambda mount: len(mount.path.parts), default=None)

    def _guessed(self, source: Source, level: Level, path: PurePosixPath, field_path: FieldPath) -> _Mount:
        first = PurePosixPath(path.parts[0])
        kind: VolumeKind = "container" if path.parts[0] == "autobfs" else "share"  # az's --use-auto-storage
        name = share_name(path.parts[0])
        where = "no file that was given mounts it" if level == "job" else "no cluster that was given mounts it"
        source.note(*field_path, text=f"{first} is mounted, but {where}; the {kind} {name} stands for it")
        volume = self.volumes.setdefault((kind, name), {"name": name, "mount": self._free_mount(first, level)})
        return self._keep(source, field_path, _Mount(level, first, volume["mount"]))

    def _keep(self, source: Source, where: FieldPath, mount: _Mount) -> _Mount:
        if len(self._mounts) >= _MOST_MOUNTS:
            raise source.refuse(*where, text=f"more than {_MOST_MOUNTS} volumes are mounted, or named by paths")
        self._mounts.append(mount)
        return mount
