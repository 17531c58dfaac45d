"""Networks in files: nodes as plain records, weights as tensors; reading such a file can run no code."""

from typing import Any, Final

import torch

from .device import check_device
from .function import Function, topological_order
from .leaves import Constant, Parameter, Variable
from .ops import KERNELS
from .whole_file import save_atomically

_FORMAT: Final = "batchai-harness cntk model 2"


def save_model(root: Function, filename: str) -> None:
    """Write the network that ends in ``root`` atomically; a missing folder is created."""
    nodes = topological_order([root])
    number = {node: index for index, node in enumerate(nodes)}
    records = [
        {
            "op": node.op,
            "name": node.name,
            "shape": list(node.shape),
            "inputs": [number[input_node] for input_node in node.inputs],
            "attributes": node.attributes,
            "value": node.tensor.detach().cpu().contiguous() if isinstance(node, Constant) else None,
        }
        for node in nodes
    ]
    save_atomically({"format": _FORMAT, "nodes": records}, filename)


def load_model(filename: str, device: Any = None) -> Function:
    """Read a file that ``save_model`` has written.

    Args:
        filename: the file.
        device: accepted as in CNTK; the default device holds the weights.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file was not written by ``save_model``, but for example by the real CNTK.
    """
    check_device(device)
    try:
        content = torch.load(filename, weights_only=True)
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"{filename} is not a model of CNTK on PyTorch (CNTK 2.7's own files are not)") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(f"{filename} is not a model of CNTK on PyTorch")
    nodes: list[Function] = []
    for record in content["nodes"]:
        nodes.append(_node(record, nodes))
    return nodes[-1]


def _node(record: dict[str, Any], before: list[Function]) -> Function:
    op, name, shape = record["op"], record["name"], tuple(record["shape"])
    if op == "input":
        return Variable(shape, name)
    if op in ("constant", "parameter"):
        value = record["value"].numpy()
        return Parameter(init=value, name=name) if op == "parameter" else Constant(value, name=name)
    if op not in KERNELS:
        raise ValueError(f"a model uses the operation {op!r}, which this version does not know")
    inputs = [before[index] for index in record["inputs"]]
    return Function(op, inputs, shape=shape, attributes=record["attributes"], name=name)
