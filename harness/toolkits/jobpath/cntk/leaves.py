"""The leaves of a network: inputs, constants and parameters."""

import math
from typing import Any

import numpy as np
import torch

from .device import check_device, use_default_device
from .function import Function, Tensor
from .initializer import initial_weights, is_initializer
from .shape import InferredDimension, Shape, as_shape


class Variable(Function):
    """An input of the network."""

    def __init__(self, shape: Shape, name: str = "") -> None:
        super().__init__("input", (), shape=shape, name=name)
        self.batched = True


class Constant(Function):
    """A fixed value.

    Args:
        value: a number or an array.
        shape: to which it is repeated; default the value's own.
        dtype: accepted as in CNTK; numbers are float32 here.
        device: accepted as in CNTK; the default device holds it.
        name: to find it by.
    """

    def __init__(
        self, value: Any = None, shape: Any = None, dtype: Any = None, device: Any = None, name: str = ""
    ) -> None:
        _check_type(dtype)
        check_device(device)
        array = np.asarray(0.0 if value is None else value, dtype=np.float32)
        array = np.broadcast_to(array, as_shape(shape)) if shape is not None else array
        super().__init__("constant", (), shape=array.shape, name=name)
        self.tensor: Tensor = torch.from_numpy(array.copy()).to(use_default_device().torch)

    @property
    def value(self) -> Any:
        """The value as a numpy array; a copy."""
        return self.tensor.detach().cpu().numpy().copy()

    @value.setter
    def value(self, new: Any) -> None:
        with torch.no_grad():
            self.tensor.copy_(torch.as_tensor(np.broadcast_to(np.asarray(new, np.float32), self.shape).copy()))

    def asarray(self) -> Any:
        """The value as a numpy array; a copy."""
        return self.value


class Parameter(Constant):
    """A value that is learned.

    Args:
        shape: default that of ``init``.
        init: an initializer, a number or an array; default 0.
        dtype: accepted as in CNTK; numbers are float32 here.
        device: accepted as in CNTK; the default device holds it.
        name: to find it by.

    Raises:
        ValueError: an initializer has no shape to fill.
    """

    def __init__(
        self, shape: Any = None, init: Any = None, dtype: Any = None, device: Any = None, name: str = ""
    ) -> None:
        size = None if shape is None else as_shape(shape)
        if is_initializer(init):
            if size is None or InferredDimension in size:
                raise ValueError("CNTK on PyTorch needs the whole shape of a parameter that is initialized at random")
            out = size[-1] if size else 1
            init = initial_weights(init, size, fan_in=math.prod(size) // max(1, out), fan_out=out)
        super().__init__(init, size, dtype, device, name)
        self.op = "parameter"
        if len(self.shape) == 4 and self.tensor.device.type == "cpu":
            self.tensor = self.tensor.contiguous(memory_format=torch.channels_last)  # the CPU's fast layout
        self.tensor.requires_grad_(True)


def input_variable(  # noqa: PLR0917  # CNTK's own order
    shape: Any,
    dtype: Any = np.float32,
    needs_gradient: bool = False,
    is_sparse: bool = False,
    dynamic_axes: Any = None,
    name: str = "",
) -> Variable:
    """An input of the network.

    Args:
        shape: of one sample.
        dtype: ``np.float32``, the only type here.
        needs_gradient: has to be ``False`` here.
        is_sparse: accepted as in CNTK; samples are dense here.
        dynamic_axes: has to be the batch axis alone, which is the default.
        name: to find it by.

    Raises:
        ValueError: another type, a gradient or a sequence is asked for.
    """
    del is_sparse
    _check_type(dtype)
    if needs_gradient or (dynamic_axes is not None and len(dynamic_axes) != 1):
        raise ValueError("CNTK on PyTorch takes batches of samples without gradients as inputs, not sequences")
    return Variable(as_shape(shape), name)


def constant(value: Any = None, shape: Any = None, dtype: Any = None, device: Any = None, name: str = "") -> Constant:
    """A fixed value, repeated to ``shape`` where one is given."""
    return Constant(value, shape, dtype, device, name)


def parameter(shape: Any = None, init: Any = None, dtype: Any = None, device: Any = None, name: str = "") -> Parameter:
    """A value that is learned; 0 at first where no ``init`` says otherwise."""
    return Parameter(shape, init, dtype, device, name)


def as_function(value: Any) -> Function:
    """The node itself, or anything else as a constant."""
    return value if isinstance(value, Function) else Constant(value)


def _check_type(dtype: Any) -> None:
    if dtype is not None and np.dtype(dtype) != np.float32:
        raise ValueError(f"CNTK on PyTorch computes with float32, not {np.dtype(dtype)}")
