"""The device that computes: ``cntk.device``."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

import torch

from .missing import missing


@dataclass(frozen=True, slots=True)
class DeviceDescriptor:
    """The CPU, or the GPU with number ``id``."""

    kind: Literal["CPU", "GPU"]
    id: int = 0

    @staticmethod
    def cpu_device() -> "DeviceDescriptor":
        """The CPU."""
        return cpu()

    @staticmethod
    def gpu_device(device_id: int) -> "DeviceDescriptor":
        """A GPU by number."""
        return gpu(device_id)

    @property
    def torch(self) -> torch.device:
        """The same device for PyTorch."""
        return torch.device("cpu") if self.kind == "CPU" else torch.device("cuda", self.id)


_default_device: ContextVar[DeviceDescriptor | None] = ContextVar("cntk_device", default=None)


def cpu() -> DeviceDescriptor:
    """The CPU."""
    return DeviceDescriptor("CPU")


def gpu(device_id: int) -> DeviceDescriptor:
    """A GPU by number.

    Raises:
        ValueError: this machine has no such GPU.
    """
    if not 0 <= device_id < torch.cuda.device_count():
        raise ValueError(f"there is no GPU {device_id} here; PyTorch sees {torch.cuda.device_count()}")
    return DeviceDescriptor("GPU", device_id)


def all_devices() -> tuple[DeviceDescriptor, ...]:
    """Every GPU, then the CPU."""
    return (*(DeviceDescriptor("GPU", number) for number in range(torch.cuda.device_count())), cpu())


def try_set_default_device(new_default_device: DeviceDescriptor, acquire_device_lock: bool = False) -> bool:  # noqa: ARG001
    """Use a device for everything that is created from now on; always succeeds, since PyTorch shares devices.

    Args:
        new_default_device: the device.
        acquire_device_lock: accepted as in CNTK; there is no lock to take.
    """
    _default_device.set(new_default_device)
    return True


def use_default_device() -> DeviceDescriptor:
    """The device in use: the one that was set, else the first GPU, else the CPU."""
    return _default_device.get() or all_devices()[0]


def check_device(device: DeviceDescriptor | None) -> None:
    """Raise ValueError if ``device`` is not the device in use."""
    if device is not None and device != use_default_device():
        raise ValueError("CNTK on PyTorch computes on one device: cntk.device.try_set_default_device chooses it")


__getattr__ = missing(__name__)
