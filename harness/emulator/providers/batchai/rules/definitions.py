"""Reads definitions from request bodies, separates their secrets, and refuses invalid values; pure."""

import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from harness.emulator.engine.model.address import Kind, parse_resource_id
from harness.emulator.engine.model.records import Secrets
from harness.emulator.engine.model.spec import (
    TOOLKITS,
    ClusterSpec,
    ClusterUpdate,
    CntkSettings,
    Credentials,
    FileServerSpec,
    InputDirectory,
    JobSpec,
    MountVolumes,
    OutputDirectory,
    ScaleSettings,
    Secret,
    Spec,
    UserAccountSettings,
)
from harness.emulator.engine.rules.durations import seconds
from harness.emulator.engine.rules.paths import mount_path_problem, suffix_problem
from harness.emulator.providers.arm.rules import parse_location, parse_object, parse_tags
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.model.version import Version
from harness.vm_sizes import vm_size, vm_size_names

T = TypeVar("T", bound=Spec)

_NAME = re.compile(r"[-\w]{1,64}", re.ASCII)
_FLAT_NAME = re.compile(r"[-\w.]{1,64}", re.ASCII)
_DIRECTORY_ID = re.compile(r"\w{1,64}", re.ASCII)
_VARIABLE = re.compile(r"[^=\0]+")
_DEEPEST = 100  # levels of a body; a deeper one is not a definition, and would exhaust the stack


def check_name(kind: Kind, name: str, version: Version) -> None:
    """Check a name: 1 to 64 letters, digits, dashes and underscores; before 2018-05 dots, too.

    Raises:
        BatchAIError: the name is not allowed.
    """
    pattern = _FLAT_NAME if version.is_flat else _NAME
    if not pattern.fullmatch(name) or name in (".", ".."):
        raise errors.invalid_name(kind, name)


def read_body(body: bytes) -> dict[str, Any]:
    """Read the JSON object of a body, without nulls, which mean the same as an absent value.

    Raises:
        InvalidContentError: the body is not a JSON object.
        BatchAIError: it is nested too deep.
    """
    document = parse_object(body)
    # Most bodies have no nulls to drop, and too few brackets to be nested too deep.
    if b"null" in body or body.count(b"{") + body.count(b"[") > _DEEPEST:
        document = _without_nulls(document, 0)
    return document


def read_location_and_tags(document: dict[str, Any]) -> tuple[str, dict[str, str] | None]:
    """Read the location of a body, which is required, and the tags."""
    return parse_location(document), parse_tags(document)


def read_cluster(document: dict[str, Any], version: Version) -> tuple[ClusterSpec, Secrets]:
    """Read the definition of a cluster, and its secrets separately.

    Raises:
        BatchAIError: the body is not a definition, or a value is not allowed.
    """
    spec = _converted(document, ClusterSpec, version)
    if vm_size(spec.vm_size) is None:
        raise errors.unsupported_size(spec.vm_size, vm_size_names())
    _check_account(spec.user_account_settings)
    check_scale(spec.scale_settings)
    setup = spec.node_setup
    task = setup.setup_task if setup else None
    _check_mounts(setup.mount_volumes if setup else None, "NodeSetup.MountVolumes")
    secrets = Secrets(_variables(task.secrets if task else None), _keys(setup.mount_volumes if setup else None))
    if task:
        _check_variables((task.environment_variables or ()) + (task.secrets or ()))
    if setup:
        shown = replace(task, secrets=_names(task.secrets)) if task else None
        counters = setup.performance_counters_settings
        if counters:
            insights = replace(counters.app_insights_reference, instrumentation_key=None)
            counters = replace(counters, app_insights_reference=insights)
        setup = replace(
            setup,
            setup_task=shown,
            mount_volumes=_without_keys(setup.mount_volumes),
            performance_counters_settings=counters,
        )
    account = replace(spec.user_account_settings, admin_user_password=None)
    return replace(spec, node_setup=setup, user_account_settings=account), secrets


def read_update(document: dict[str, Any], version: Version) -> ScaleSettings | None:
    """Read the new scale settings of a PATCH, if it has any.

    Raises:
        BatchAIError: the body is not an update, or a value is not allowed.
    """
    scale = _converted(document, ClusterUpdate, version).scale_settings
    if scale:
        check_scale(scale)
    return scale


def read_file_server(document: dict[str, Any], version: Version) -> FileServerSpec:
    """Read the definition of a file server, without the password, which nothing uses.

    Raises:
        BatchAIError: the body is not a definition, or a value is not allowed.
    """
    spec = _converted(document, FileServerSpec, version)
    if vm_size(spec.vm_size) is None:
        raise errors.unsupported_size(spec.vm_size, vm_size_names())
    _check_account(spec.ssh_configuration.user_account_settings)
    account = replace(spec.ssh_configuration.user_account_settings, admin_user_password=None)
    return replace(spec, ssh_configuration=replace(spec.ssh_configuration, user_account_settings=account))


def read_job(document: dict[str, Any], version: Version) -> tuple[JobSpec, Secrets]:
    """Read the definition of a job, and its secrets separately.

    Raises:
        BatchAIError: the body is not a definition, or a value is not allowed.
    """
    spec = _converted(document, JobSpec, version)
    if spec.std_out_err_path_prefix is None:
        raise errors.invalid_content("Object missing required field `stdOutErrPathPrefix`")
    toolkits = [name for name in TOOLKITS if getattr(spec, name) is not None]
    if len(toolkits) != 1:
        names = ", ".join(toolkits) or "none"
        raise errors.invalid_value(names, "Job.Properties", "must be the settings of exactly one toolkit")
    if seconds(spec.constraints.max_wall_clock_time) is None:
        raise errors.invalid_value(
            spec.constraints.max_wall_clock_time, "Job.Properties.Constraints.MaxWallClockTime", "is not a time span"
        )
    if parse_resource_id(spec.cluster.id, "clusters") is None:
        raise errors.invalid_value(spec.cluster.id, "Job.Properties.Cluster.Id", "is not the id of a cluster")
    _check_directories(spec)
    _check_mounts(spec.mount_volumes, "Job.Properties.MountVolumes")
    _check_variables((spec.environment_variables or ()) + (spec.secrets or ()))
    secrets = Secrets(_variables(spec.secrets), _keys(spec.mount_volumes))
    container = spec.container_settings
    if container and (login := container.image_source_registry.credentials):
        secrets = replace(secrets, registry_password=login.password or "")
        registry = replace(container.image_source_registry, credentials=replace(login, password=None))
        container = replace(container, image_source_registry=registry)
    shown = replace(
        spec,
        secrets=_names(spec.secrets),
        mount_volumes=_without_keys(spec.mount_volumes),
        container_settings=container,
    )
    return with_defaults(shown), secrets


def with_defaults(spec: JobSpec) -> JobSpec:
    """The definition with the values that the service fills in: the language of CNTK, and one process for each node."""
    for name in TOOLKITS:
        settings: Any = getattr(spec, name)
        if isinstance(settings, CntkSettings) and settings.language_type is None:
            language = "BrainScript" if settings.config_file_path else "Python"
            settings = replace(settings, language_type=language)
        if settings is not None and getattr(settings, "process_count", 0) is None:
            settings = replace(settings, process_count=spec.node_count)
        if settings is not None:
            spec = replace(spec, **{name: settings})
    return spec


def check_scale(scale: ScaleSettings) -> None:
    """Check that scaling is either manual or automatic, with a minimum that is not above its maximum.

    Raises:
        BatchAIError: the settings are not valid.
    """
    name = "Cluster.Properties.ScaleSettings"
    if (scale.manual is None) == (scale.auto_scale is None):
        value = "nothing" if scale.manual is None else "manual and autoScale"
        raise errors.invalid_value(value, name, "must be either manual or autoScale")
    auto = scale.auto_scale
    if auto and not auto.minimum_node_count <= auto.maximum_node_count:
        text = f"{auto.minimum_node_count}..{auto.maximum_node_count}"
        raise errors.invalid_value(text, f"{name}.AutoScale", "has a minimum above its maximum")


def _converted(document: dict[str, Any], kind: type[T], version: Version) -> T:
    properties = document.get("properties", {})
    if not isinstance(properties, dict):
        raise errors.invalid_content("the property 'properties' must be an object")
    try:
        return msgspec.convert(version.read(properties), kind)
    except msgspec.ValidationError as error:
        raise errors.invalid_content(str(error).replace("$.", "$.properties.")) from None


def _without_nulls(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise errors.invalid_content(f"it is nested deeper than {_DEEPEST} levels")
    if isinstance(value, dict):
        return {name: _without_nulls(item, depth + 1) for name, item in value.items() if item is not None}
    return [_without_nulls(item, depth + 1) for item in value] if isinstance(value, list) else value


def _check_account(account: UserAccountSettings) -> None:
    if not account.admin_user_password and not account.admin_user_ssh_public_key:
        reason = "must have adminUserPassword or adminUserSshPublicKey"
        raise errors.invalid_value("nothing", "UserAccountSettings", reason)


def _check_directories(spec: JobSpec) -> None:
    directories: tuple[InputDirectory | OutputDirectory, ...] = spec.input_directories or ()
    ids = [directory.id for directory in directories + (spec.output_directories or ())]
    for name in ids:
        if not _DIRECTORY_ID.fullmatch(name):
            raise errors.invalid_value(name, "Job.Properties directory id", "must be letters, digits and underscores")
    for group in (spec.input_directories or (), spec.output_directories or ()):
        _refuse_duplicates((directory.id for directory in group), "Job.Properties directory id")
    for output in spec.output_directories or ():
        if problem := suffix_problem(output.path_suffix or ""):
            raise errors.invalid_value(output.path_suffix or "", "OutputDirectories.PathSuffix", problem)


def _check_mounts(volumes: MountVolumes | None, name: str) -> None:
    paths = [volume.relative_mount_path for volume in _mounted(volumes)]
    for path in paths:
        if problem := mount_path_problem(path):
            raise errors.invalid_value(path, f"{name}.RelativeMountPath", problem)
    _refuse_duplicates((path.strip("/") for path in paths), f"{name}.RelativeMountPath")


def _check_variables(variables: Iterable[Any]) -> None:
    for variable in variables:
        if not _VARIABLE.fullmatch(variable.name) or "\0" in (variable.value or ""):
            raise errors.invalid_value(variable.name, "EnvironmentVariables.Name", "must not hold '=' or NUL")


def _refuse_duplicates(names: Iterable[str], setting: str) -> None:
    unique: set[str] = set()
    for name in names:
        if name in unique:
            raise errors.invalid_value(name, setting, "is given twice")
        unique.add(name)


def _mounted(volumes: MountVolumes | None) -> tuple[Any, ...]:
    if volumes is None:
        return ()
    lists = (getattr(volumes, name) for name in volumes.__struct_fields__)
    return tuple(volume for group in lists for volume in group or ())


def _variables(secrets: tuple[Secret, ...] | None) -> dict[str, str]:
    return {secret.name: secret.value for secret in secrets or () if secret.value is not None}


def _names(secrets: tuple[Secret, ...] | None) -> tuple[Secret, ...] | None:
    return tuple(Secret(name=secret.name) for secret in secrets) if secrets is not None else None


def _keys(volumes: MountVolumes | None) -> dict[str, str]:
    """Account keys by mount path."""
    with_credentials = [volume for volume in _mounted(volumes) if getattr(volume, "credentials", None)]
    keys = {volume.relative_mount_path: volume.credentials.account_key for volume in with_credentials}
    return {path: key for path, key in keys.items() if key}


def _without_keys(volumes: MountVolumes | None) -> MountVolumes | None:
    if volumes is None:
        return None
    changed = {
        name: tuple(replace(volume, credentials=Credentials()) for volume in group)
        for name in ("azure_file_shares", "azure_blob_file_systems")
        if (group := getattr(volumes, name)) is not None
    }
    return replace(volumes, **changed)
