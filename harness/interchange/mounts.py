"""The volumes of Batch AI's jobs and clusters as volumes of a scenario, and the translation of paths on them."""

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
"""Whether a cluster or a job mounts a volume; each has its own mount root."""

ROOT = "$AZ_BATCHAI_MOUNT_ROOT"
_MOUNT_PATHS = re.compile(
    r"\$(?:AZ_BATCHAI_(JOB_)?MOUNT_ROOT\b|\{AZ_BATCHAI_(JOB_)?MOUNT_ROOT\})(/[\w./-]*)?", re.ASCII
)
_MOST_MOUNTS = 100
_NO_OTHER = "a scenario has file shares and blob containers only; {share} replaces it, and needs its files"


@dataclass(frozen=True, slots=True)
class _Mount:
    level: Level
    path: PurePosixPath
    target: str  # its path in the scenario, relative to the mount root


@dataclass
class Mounts:
    """The mounted volumes, and their mounts in the scenario."""

    volumes: dict[tuple[VolumeKind, str], dict[str, Any]] = field(default_factory=dict)
    _mounts: list[_Mount] = field(default_factory=list)
    _accounts: set[str] = field(default_factory=set)

    def read(self, source: Source, level: Level, *where: str | int) -> None:
        """Read the field ``mountVolumes`` of a job or of the set-up of a cluster."""
        for item in source.items(*where, "azureFileShares"):
            self._read_share(source, level, item)
        for item in source.items(*where, "azureBlobFileSystems"):
            source.drop(*item, "mountOptions", why="the service chooses the options of blobfuse")
            name = source.text(*item, "containerName") or ""
            self._check_account(source, item, source.text(*item, "accountName") or "")
            self._add(source, level, item, kind="container", name=name)
        for item in source.items(*where, "fileServers"):
            source.ignore(*item, "fileServer", "id")
            source.ignore(*item, "mountOptions")
            source.ignore(*item, "sourceDirectory")
            self._replace_by_share(source, level, item)
        for item in source.items(*where, "unmanagedFileSystems"):
            source.ignore(*item, "mountCommand")
            self._replace_by_share(source, level, item)

    def translate(self, text: str, source: Source, *field_path: str | int) -> str:
        """Translate the paths on volumes in a text to the mounts of the scenario.

        If no file mounts the volume of a path, the scenario gets a share with the mount's name: the cluster that the
        job names must have mounted the volume.
        """

        def translated(match: re.Match[str]) -> str:
            level: Level = "job" if match[1] or match[2] else "cluster"
            path = PurePosixPath((match[3] or "").strip("/") or ".")
            if path == PurePosixPath():
                return f"{ROOT}{match[3] or ''}"
            mount = self._mount_of(level, path) or self._guess_mount(source, level, path, field_path)
            end = "/" if match[3] and match[3].endswith("/") else ""
            rest = path.relative_to(mount.path)
            return f"{ROOT}/{PurePosixPath(mount.target) / rest}{end}"

        return _MOUNT_PATHS.sub(translated, text)

    def sections(self) -> dict[str, Any]:
        """Return ``share``, ``shares`` and ``containers`` of the scenario."""
        shares = [volume for (kind, _), volume in self.volumes.items() if kind == "share"]
        containers = [volume for (kind, _), volume in self.volumes.items() if kind == "container"]
        return {"share": shares[0] if shares else None, "shares": shares[1:], "containers": containers}

    def _read_share(self, source: Source, level: Level, item: FieldPath) -> None:
        source.ignore(*item, "fileMode")
        source.ignore(*item, "directoryMode")
        url = urlsplit(source.text(*item, "azureFileUrl") or "")
        name, _, directory = unquote(url.path).strip("/").partition("/")
        account = source.text(*item, "accountName") or url.netloc.partition(".")[0]
        self._check_account(source, item, account)
        self._add(source, level, item, kind="share", name=name, directory=directory)

    def _check_account(self, source: Source, item: FieldPath, account: str) -> None:
        source.ignore(*item, "credentials")
        if account.startswith("<"):  # a placeholder of the recipes, which az fills in
            return
        if account and self._accounts and account not in self._accounts:
            source.note(
                *item, text=f"account {account} is a second account; a scenario uses only the account of the settings"
            )
        if account:
            self._accounts.add(account)

    def _replace_by_share(self, source: Source, level: Level, item: FieldPath) -> None:
        path = source.text(*item, "relativeMountPath") or ""
        name = share_name(path)
        source.note(*item, text=f"is not imported: {_NO_OTHER.format(share=f'the share {name}')}")
        self._add(source, level, item, kind="share", name=name)

    def _add(
        self, source: Source, level: Level, item: FieldPath, *, kind: VolumeKind, name: str, directory: str = ""
    ) -> None:
        path = PurePosixPath((source.text(*item, "relativeMountPath") or "").strip("/") or ".")
        if path == PurePosixPath() or ".." in path.parts:
            raise source.refuse(*item, "relativeMountPath", text="is not a valid mount path")
        valid_name = share_name(name or str(path))
        if valid_name != name:
            source.note(*item, text=f"{name!r} cannot be the name of a {kind}; {valid_name} replaces it")
        volume = self.volumes.get((kind, valid_name))
        if volume is None:
            volume = {"name": valid_name, "mount": self._free_mount(path, level)}
            self.volumes[kind, valid_name] = volume
        self._add_mount(source, item, _Mount(level, path, str(PurePosixPath(volume["mount"]) / directory)))

    def _free_mount(self, path: PurePosixPath, level: Level) -> str:
        """Return a mount point that is not inside another one, and contains no other."""
        mounts = [PurePosixPath(volume["mount"]) for volume in self.volumes.values()]
        candidates = [
            path,
            PurePosixPath("-".join(path.parts)),
            *(PurePosixPath(f"{level}-{n}") for n in range(2, 1000)),
        ]
        return next(
            str(candidate)
            for candidate in candidates
            if not any(candidate.is_relative_to(other) or other.is_relative_to(candidate) for other in mounts)
        )

    def _mount_of(self, level: Level, path: PurePosixPath) -> _Mount | None:
        fitting = [mount for mount in self._mounts if mount.level == level and path.is_relative_to(mount.path)]
        return max(fitting, key=lambda mount: len(mount.path.parts), default=None)

    def _guess_mount(self, source: Source, level: Level, path: PurePosixPath, field_path: FieldPath) -> _Mount:
        first = PurePosixPath(path.parts[0])
        kind: VolumeKind = "container" if path.parts[0] == "autobfs" else "share"  # az's --use-auto-storage
        name = share_name(path.parts[0])
        reason = "no given file mounts it" if level == "job" else "no given cluster mounts it"
        source.note(*field_path, text=f"{first} is used, but {reason}; the {kind} {name} replaces it")
        volume = self.volumes.setdefault((kind, name), {"name": name, "mount": self._free_mount(first, level)})
        return self._add_mount(source, field_path, _Mount(level, first, volume["mount"]))

    def _add_mount(self, source: Source, where: FieldPath, mount: _Mount) -> _Mount:
        if len(self._mounts) >= _MOST_MOUNTS:
            raise source.refuse(*where, text=f"more than {_MOST_MOUNTS} volumes are mounted, or used in paths")
        self._mounts.append(mount)
        return mount
