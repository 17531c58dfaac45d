"""The interpretation of the body of a compute; pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from harness.emulator.engine.model.spec.clusters import (
    AutoScaleSettings,
    ClusterSpec,
    ManualScaleSettings,
    ScaleSettings,
    UserAccountSettings,
    VmPriority,
)
from harness.emulator.engine.rules.durations import seconds
from harness.emulator.providers.azureml.errors import invalid, not_served
from harness.emulator.providers.azureml.model.compute import DEFAULT_IDLE_TIME, ComputeDetails, ComputeType
from harness.vm_sizes import vm_size

MOST_NODES = 100  # the most nodes of a cluster, by default
_NODE_USER = "azureuser"
_STORED_PROPERTIES = ("subnet", "remoteLoginPortPublicAccess", "osType", "virtualMachineImage",
                      "enableNodePublicIp", "applicationSharingPolicy")  # fmt: skip
_PRIORITIES = {"dedicated": VmPriority.DEDICATED, "lowpriority": VmPriority.LOW_PRIORITY}


@dataclass(frozen=True, slots=True)
class ComputeRequest:
    """The compute that a request describes.

    Attributes:
        spec: the definition for the engine.
        shrink_after: seconds after which an idle node is released; None for never.
        details: the properties that the engine does not hold.
    """

    spec: ClusterSpec
    shrink_after: float | None
    details: ComputeDetails


def read_compute(document: dict[str, Any], now: datetime, created: datetime | None = None) -> ComputeRequest:
    """The compute that a body describes.

    Args:
        created: when an existing compute was created.

    Raises:
        AzureMLError: the body is wrong, or of a type that the emulator does not play.
    """
    outer = _object(document, "properties")
    inner = _object(outer, "properties")
    type_ = outer.get("computeType")
    if type_ not in ("AmlCompute", "ComputeInstance"):
        raise not_served(f"computes of the type '{str(type_)[:40]}'", "use AmlCompute or ComputeInstance")
    size = inner.get("vmSize")
    if size is None or vm_size(size) is None:
        raise invalid(f"The specified VM size '{str(size)[:60]}' is not available; see vmSizes.", "InvalidVmSize")
    minimum, maximum, idle_time = (1, 1, None) if type_ == "ComputeInstance" else _scale(inner)
    details = ComputeDetails(
        type=_type(type_),
        created=created or now,
        modified=now,
        min_nodes=minimum,
        max_nodes=maximum,
        idle_time=idle_time,
        description=outer.get("description"),
        disable_local_auth=bool(outer.get("disableLocalAuth", False)),
        properties={name: inner[name] for name in _STORED_PROPERTIES if inner.get(name) is not None} | _account(inner),
    )
    return ComputeRequest(_spec(details, inner, size), seconds(idle_time or DEFAULT_IDLE_TIME), details)


def read_scale(document: dict[str, Any]) -> dict[str, Any]:
    """The scale settings of a PATCH, which are nested twice.

    Raises:
        AzureMLError: they are missing, or not nested twice.
    """
    return _object(_object(_object(document, "properties"), "properties"), "scaleSettings")


def scale_settings(minimum: int, maximum: int) -> ScaleSettings:
    """Scale settings that follow the queue within bounds."""
    return ScaleSettings(auto_scale=AutoScaleSettings(minimum_node_count=minimum, maximum_node_count=maximum))


def bounds(scale: dict[str, Any]) -> tuple[int, int, str | None]:
    """The minimum and maximum of nodes, and the idle time before a release in the form of the request.

    Raises:
        AzureMLError: a number or the time span is wrong.
    """
    minimum, maximum, idle_time = (
        scale.get("minNodeCount") or 0,
        scale.get("maxNodeCount"),
        scale.get("nodeIdleTimeBeforeScaleDown"),
    )
    if maximum is None or not 0 <= minimum <= maximum <= MOST_NODES:
        raise invalid(
            f"scaleSettings has minNodeCount and maxNodeCount with 0 <= min <= max <= {MOST_NODES}, "
            f"not {minimum!r} and {maximum!r}.",
            "ArgumentInvalid",
        )
    if idle_time is not None and seconds(idle_time) is None:
        raise invalid(f"nodeIdleTimeBeforeScaleDown is a time span such as PT5M, not {str(idle_time)[:40]!r}.")
    return minimum, maximum, idle_time


def _scale(inner: dict[str, Any]) -> tuple[int, int, str | None]:
    return bounds(_object(inner, "scaleSettings"))


def _spec(details: ComputeDetails, inner: dict[str, Any], size: str) -> ClusterSpec:
    priority = (inner.get("vmPriority") or "Dedicated").lower()
    if priority not in _PRIORITIES:
        raise invalid(f"vmPriority is Dedicated or LowPriority, not {priority[:40]!r}.", "ArgumentInvalid")
    scale = scale_settings(details.min_nodes, details.max_nodes)
    if details.type == "ComputeInstance":
        scale = ScaleSettings(manual=ManualScaleSettings(target_node_count=1))
    user = str(details.properties.get("userAccountCredentials", {}).get("adminUserName") or _NODE_USER)
    return ClusterSpec(
        vm_size=size,
        vm_priority=_PRIORITIES[priority],
        scale_settings=scale,
        user_account_settings=UserAccountSettings(admin_user_name=user),
    )


def _account(inner: dict[str, Any]) -> dict[str, Any]:
    """The administrator of the nodes, without the password, which is never used."""
    account = inner.get("userAccountCredentials")
    if account is None:
        return {}
    members = {name: account.get(name) for name in ("adminUserName", "adminUserPassword", "adminUserSshPublicKey")}
    return {"userAccountCredentials": members | {"adminUserPassword": None}}


def _type(text: str) -> ComputeType:
    return "ComputeInstance" if text == "ComputeInstance" else "AmlCompute"


def _object(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise invalid(f"'{name}' of a compute is an object.", "ArgumentInvalid")
    return value
