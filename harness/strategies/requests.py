"""Strategies for requests to Resource Manager: valid ones, and ones that it must refuse with Azure's error format."""

import json
from dataclasses import dataclass, field

from hypothesis import strategies as st

from harness.strategies.batchai import batchai_clusters, batchai_jobs
from harness.strategies.words import names

_VERSIONS = ("2017-09-01-preview", "2018-03-01", "2018-05-01")
_TYPES = ("workspaces", "clusters", "jobs", "fileServers", "experiments", "outputs")
_METHODS = ("GET", "PUT", "DELETE", "POST", "PATCH", "HEAD")


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request to ``https://management.azure.com``, without its token.

    Attributes:
        path: the path of the URL, which begins with ``/``.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@st.composite
def wire_requests(
    draw: st.DrawFn, *, subscription: str = "00000000-0000-0000-0000-000000000000", group: str = "mygroup"
) -> WireRequest:
    """Generate requests about Batch AI's resources: valid ones, and ones with a wrong path, version, body or header.

    Args:
        draw: provided by Hypothesis.
        subscription: the subscription of the resources.
        group: the resource group of the resources.
    """
    steps = draw(st.lists(st.tuples(st.sampled_from(_TYPES), names(10)), min_size=1, max_size=3))
    tail = "/".join(f"{kind}/{name}" for kind, name in steps)
    path = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.BatchAI/{tail}"
    version = draw(st.sampled_from([*_VERSIONS, "", "2099-01-01", "now"]))
    return WireRequest(
        draw(st.sampled_from(_METHODS)),
        draw(st.sampled_from([path, path.lower(), f"{path}/", path.replace("Microsoft.", "Other.")])),
        {"api-version": version} if version else {},
        {"Content-Type": draw(st.sampled_from(["application/json", "text/plain", "application/json; charset=utf-16"]))},
        draw(_bodies()),
    )


def _bodies() -> st.SearchStrategy[bytes]:
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=10,
    )
    right = batchai_clusters() | batchai_jobs() | st.just({"location": "eastus"})
    return st.just(b"") | st.binary(max_size=60) | (values | right).map(lambda value: json.dumps(value).encode())
