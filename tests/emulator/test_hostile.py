"""The emulator answers any request in its host's envelope, never fails, and continues to serve others.

HARNESS_TEST_DOSE=full pytest tests/emulator/test_hostile.py          # 2,000 requests a property instead of 60
"""

import contextlib
import gzip
import json
import os
import re
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import start_detached, stop
from harness.emulator.options import Options

ARM, AAD = "management.azure.com", "login.microsoftonline.com"
VERSIONS = ("2017-09-01-preview", "2018-03-01", "2018-05-01")
METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
LONG = "a long text"  # replaced by 70,000 characters
SECONDS = 10.0  # no response takes longer

# They reach every operation of Batch AI; {} is replaced by a generated segment.
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/hostile"
PROVIDER = GROUP + "/providers/Microsoft.BatchAI"
TEMPLATES = (
    "/{}",
    "/subscriptions/{}",
    GROUP.rsplit("/", 1)[0] + "/{}",
    GROUP + "/providers/{}/{}/{}",
    PROVIDER + "/clusters/{}",
    PROVIDER + "/jobs/{}/listOutputFiles",
    PROVIDER + "/fileServers/{}",
    PROVIDER + "/workspaces/{}",
    PROVIDER + "/workspaces/{}/clusters/{}",
    PROVIDER + "/workspaces/w/experiments/{}/jobs/{}/{}",
    PROVIDER + "/workspaces/w/clusters/c/{}",
    "/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.BatchAI/locations/{}/{}/{}",
)


@dataclass(frozen=True)
class Response:
    """A response as it was received."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Attacker:
    """Sends bytes to any host of the emulator, through its proxy and its TLS."""

    endpoint: Endpoint
    token: str
    tls: ssl.SSLContext

    @contextlib.contextmanager
    def connection(self, host: str = ARM) -> Iterator[ssl.SSLSocket]:
        port = int(self.endpoint.proxy_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as plain:
            plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
            assert plain.recv(1000).startswith(b"HTTP/1.1 200 ")
            with self.tls.wrap_socket(plain, server_hostname=host) as sock:
                yield sock

    def send(self, head: bytes, body: bytes = b"", *, host: str = ARM) -> Response:
        """Send a request on a new connection; ``head`` lacks the blank line."""
        with self.connection(host) as sock:
            # The emulator may respond and close the connection before all is sent.
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                sock.sendall(head + b"\r\n\r\n" + body)
            return received(sock)

    def request(
        self, method: str, target: bytes, body: bytes = b"", *, host: str = ARM, headers: tuple[bytes, ...] = ()
    ) -> Response:
        lines = [
            method.encode() + b" " + target + b" HTTP/1.1",
            b"Host: " + host.encode(),
            b"Connection: close",
            b"Content-Length: " + str(len(body)).encode(),
            *headers,
        ]
        if host == ARM and not any(line.lower().startswith(b"authorization:") for line in headers):
            lines.append(b"Authorization: Bearer " + self.token.encode())
        return self.send(b"\r\n".join(lines), body, host=host)

    def unfinished(self, workspace: str) -> bytes:
        """The head of a PUT whose body will be incomplete."""
        target = f"{PROVIDER}/workspaces/{workspace}?api-version=2018-05-01"
        lines = [
            f"PUT {target} HTTP/1.1",
            f"Host: {ARM}",
            f"Authorization: Bearer {self.token}",
            "Content-Length: 1000",
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def is_served(self) -> bool:
        """Whether the emulator answers another client."""
        return self.request("GET", b"/subscriptions?api-version=2018-05-01").status == 200


def received(sock: ssl.SSLSocket) -> Response:
    """The response, read to the end of the connection."""
    data = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := sock.recv(1 << 16):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Response(int(first.split(" ")[1]), headers, body)


@pytest.fixture(scope="module")
def attacker(
    tmp_path_factory: pytest.TempPathFactory, sign_in: Callable[[Endpoint], requests.Session]
) -> Iterator[Attacker]:
    """A client of a group, a workspace, an experiment and a cluster; at the end the log must hold no warning."""
    directory = tmp_path_factory.mktemp("hostile")
    endpoint = start_detached(Options(directory))
    try:
        with sign_in(endpoint) as session:
            token = str(session.headers["Authorization"]).removeprefix("Bearer ")
        client = Attacker(endpoint, token, ssl.create_default_context(cafile=endpoint.ca_path))
        for path, body in (
            (GROUP, {"location": "eastus"}),
            (PROVIDER + "/workspaces/w", {"location": "eastus"}),
            (PROVIDER + "/workspaces/w/experiments/e", {}),
            (PROVIDER + "/workspaces/w/clusters/c", cluster()),
        ):
            response = client.request("PUT", f"{path}?api-version=2018-05-01".encode(), json.dumps(body).encode())
            assert response.status in (200, 201, 202), response
        yield client
    finally:
        stop(directory)
    assert re.findall(r" (?:WARNING|ERROR|CRITICAL) .*", (directory / "emulator.log").read_text()) == []


def cluster() -> dict[str, object]:
    """The definition of a cluster without nodes, so that no mutation of it ever runs."""
    return {
        "properties": {
            "vmSize": "STANDARD_D1",
            "vmPriority": "dedicated",
            "scaleSettings": {"manual": {"targetNodeCount": 0, "nodeDeallocationOption": "requeue"}},
            "virtualMachineConfiguration": {"imageReference": {"publisher": "p", "offer": "o", "sku": "s"}},
            "userAccountSettings": {"adminUserName": "u", "adminUserPassword": "p"},
            "nodeSetup": {"mountVolumes": {"azureFileShares": []}},
        }
    }


def job() -> dict[str, object]:
    """The definition of a job for a cluster without nodes."""
    return {
        "properties": {
            "cluster": {"id": PROVIDER + "/workspaces/w/clusters/c"},
            "nodeCount": 1,
            "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/afs",
            "customToolkitSettings": {"commandLine": "true"},
            "environmentVariables": [{"name": "A", "value": "b"}],
            "inputDirectories": [{"id": "I", "path": "p"}],
            "outputDirectories": [{"id": "O", "pathPrefix": "p", "pathSuffix": "s"}],
            "constraints": {"maxWallClockTime": "P7D"},
        }
    }


def file_server() -> dict[str, object]:
    """A definition of a file server."""
    return {
        "properties": {
            "vmSize": "STANDARD_D1",
            "sshConfiguration": {"userAccountSettings": {"adminUserName": "u", "adminUserPassword": "p"}},
            "dataDisks": {"diskSizeInGB": 10, "diskCount": 2, "storageAccountType": "Standard_LRS"},
        }
    }


def in_envelope(response: Response, host: str = ARM) -> bool:
    """Whether a response is a success or a client error, in the envelope of its host."""
    if not 200 <= response.status < 500:
        return False
    if response.status < 400 or not response.body:
        return True
    document = json.loads(response.body)
    if host == AAD:
        return isinstance(document["error"], str)
    return (
        response.headers["content-type"] == "application/json; charset=utf-8"
        and bool(document["error"]["code"])
        and bool(document["error"]["message"])
    )


segments = st.one_of(
    st.text(max_size=40).map(lambda text: quote(text.encode("utf-8", "surrogatepass"), safe="").encode()),
    st.binary(max_size=20).map(lambda data: b"".join(b"%%%02x" % byte for byte in data)),
    st.sampled_from([
        b"..", b".", b"%2e%2e", b"%2e%2e%2f%2e%2e%2fetc%2fpasswd", b"%2F", b"%5C..%5C", b"%00", b"a%00b", b"%ff%fe",
        b"%", b"%zz", b"", b"//", b";a=b", b"w", b"c", b"e", b"a" * 1000, b"a" * 8_000, b"%F0%9F%92%A9", b"$", b"-",
        b"'\"<script>", b"%0d%0aSet-Cookie:x", b"*", b"listOutputFiles", b"terminate", b"operationresults",
    ]),
)  # fmt: skip
queries = st.one_of(
    st.sampled_from([b"?api-version=" + version.encode() for version in VERSIONS]),
    st.sampled_from([
        b"", b"?", b"?api-version=", b"?api-version=1999-01-01",
        b"?api-version=2018-05-01&api-version=2017-09-01-preview",
        b"?api-version=2018-05-01&maxresults=0", b"?api-version=2018-05-01&maxresults=1e9", b"?API-VERSION=2018-05-01",
        b"?api-version=2018-03-01&$filter=a&$select=b&maxresults=-1", b"?%ff=%fe&api-version=2018-05-01", b"?&&&=&",
        b"?api-version=2018-05-01&outputdirectoryid=../..&directory=../../..&linkexpiryinminutes=99999999999999999999",
        b"?api-version=2018-05-01&outputdirectoryid=stdouterr&directory=%00", b"?" + b"a=b&" * 2000,
    ]),
)  # fmt: skip
header_lines = st.sampled_from([
    b"Authorization: Bearer x.y.z", b"Authorization: Basic x", b"Authorization:", b"Accept: \xff\xfe", b"If-Match: *",
    b"Content-Encoding: gzip", b"Content-Type: text/xml", b"Expect: 200-maybe",
    b"X-Ms-Correlation-Request-Id: " + b"\xe9" * 300, b"X-Large: " + b"x" * 8_000, b"Range: bytes=9-1", b"X: \t",
    b"X-HTTP-Method-Override: DELETE", b"Cookie: " + b"a=b; " * 500,
])  # fmt: skip
targets = st.builds(
    lambda template, parts, query: (
        b"/".join(parts.pop() if piece == b"{}" else piece for piece in template.encode().split(b"/")) + query
    ),
    st.sampled_from(TEMPLATES),
    st.lists(segments, min_size=4, max_size=4),
    queries,
)
nasty: st.SearchStrategy[Any] = st.sampled_from([
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 1.5, 1e308, "", "x", LONG, "\0", "a\r\nb", "\ud800",
    "..", "../../../etc", "P7D", "P", "PT-1S", "P99999999999999D", "succeeded", "💩", [], {}, [None], [[]], [{}],
    {"id": None}, {"id": "x"}, {"": {}}, ["a"] * 2000, [{"name": 1}], {"manual": {}, "autoScale": {}},
])  # fmt: skip
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
examples = settings(
    max_examples=2000 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 60,
)


@examples
@given(st.sampled_from(METHODS), targets, st.lists(header_lines, max_size=2), st.binary(max_size=40))
def test_any_request_is_answered_in_the_envelope(
    attacker: Attacker, method: str, target: bytes, headers: list[bytes], body: bytes
) -> None:
    response = attacker.request(method, target or b"/", body, headers=tuple(headers))

    assert in_envelope(response), response


@examples
@given(st.sampled_from(METHODS), st.tuples(segments, segments, queries), st.binary(max_size=200))
def test_any_request_for_a_token_is_answered(
    attacker: Attacker, method: str, parts: tuple[bytes, bytes, bytes], body: bytes
) -> None:
    tenant, rest, query = parts
    for target in (b"/" + tenant + b"/oauth2/token" + query, b"/" + tenant + b"/" + rest + query):
        response = attacker.request(method, target, body, host=AAD)

        assert in_envelope(response, AAD), response


def value_paths(document: object) -> list[tuple[object, ...]]:
    """The paths of all values in a JSON document."""
    if isinstance(document, dict):
        items: list[tuple[object, object]] = list(document.items())
    elif isinstance(document, list):
        items = list(enumerate(document))
    else:
        return []
    return [path for key, value in items for path in [(key,), *((key, *rest) for rest in value_paths(value))]]


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """A path, a version, and a definition with one or two values replaced."""
    kind, document = draw(
        st.sampled_from([("clusters", cluster()), ("jobs", job()), ("fileServers", file_server()), ("workspaces", {})])
    )
    document = json.loads(json.dumps(document)) | {"location": "eastus"}
    chosen = draw(st.lists(st.sampled_from(value_paths(document)), min_size=1, max_size=2, unique=True))
    # The deeper path first, because replacing the other may remove it.
    for location in sorted(chosen, key=len, reverse=True):
        target = document
        for key in location[:-1]:
            target = target[key]
        target[location[-1]] = deepcopy(draw(nasty))
    version = draw(st.sampled_from(VERSIONS))
    flat = (
        kind if version < "2018-05" else {"jobs": "workspaces/w/experiments/e/jobs"}.get(kind, f"workspaces/w/{kind}")
    )
    path = f"{PROVIDER}/{'workspaces' if kind == 'workspaces' else flat}/{draw(st.sampled_from('xyz'))}"
    return path, version, json.dumps(document).replace(LONG, "x" * 70_000).encode()


@examples
@given(mutations(), st.sampled_from(["PUT", "PUT", "PATCH"]))
def test_any_change_of_a_definition_is_accepted_or_refused(
    attacker: Attacker, mutation: tuple[str, str, bytes], method: str
) -> None:
    path, version, body = mutation
    target = quote(path).encode() + b"?api-version=" + version.encode()
    response = attacker.request(method, target, body)

    assert in_envelope(response), response
    attacker.request("DELETE", target)


@examples
@given(documents, st.sampled_from(["workspaces/w/clusters/r", "workspaces/w/experiments/e/jobs/r", "workspaces/r"]))
def test_any_json_is_accepted_or_refused(attacker: Attacker, document: object, path: str) -> None:
    target = f"{PROVIDER}/{path}?api-version=2018-05-01".encode()
    for body in (document, {"properties": document, "location": "eastus"}):
        response = attacker.request("PUT", target, json.dumps(body).encode())

        assert in_envelope(response), response


BODIES = {
    "nothing": b"",
    "half a document": b'{"properties": {"vmSize": "STAND',
    "no UTF-8": b'{"location": "\xff\xfe"}',
    "UTF-16": '{"location": "eastus"}'.encode("utf-16"),
    "a byte order mark": '\ufeff{"location": "eastus"}'.encode(),
    "a hundred thousand brackets": b"[" * 100_000,
    "nested and closed": b'{"properties":' * 100_000 + b"1" + b"}" * 100_000,
    "nested in a tag": b'{"location":"eastus","tags":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    "a number of a million digits": b'{"location": ' + b"9" * 1_000_000 + b"}",
    "an infinite number": b'{"properties": {"nodeCount": 1e999999}}',
    "not a number": b'{"location": NaN}',
    "the same key a thousand times": b"{" + b",".join([b'"location":"eastus"'] * 1000) + b"}",
    "a million keys": b"{" + b",".join(b'"%d":0' % number for number in range(300_000)) + b"}",
    "more than 4 MiB": b'{"location": "' + b"x" * (5 << 20) + b'"}',
    "XML": b"<location>eastus</location>",
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", ["workspaces/w/clusters/b", "workspaces/w/experiments/e/jobs/b", "workspaces/b"])
def test_a_body_that_is_no_definition_is_refused(attacker: Attacker, name: str, path: str) -> None:
    target = f"{PROVIDER}/{path}?api-version=2018-05-01".encode()
    response = attacker.request("PUT", target, BODIES[name], headers=(b"Content-Type: application/json",))

    allowed = {200, 400, 413} if name in ("the same key a thousand times", "a byte order mark") else {400, 413}
    assert response.status in allowed, response
    assert in_envelope(response)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "nonsense"])
def test_a_compressed_bomb_does_not_go_off(attacker: Attacker, encoding: str) -> None:
    bomb = (gzip.compress if encoding == "gzip" else zlib.compress)(b" " * (64 << 20))
    target = f"{PROVIDER}/workspaces/bomb?api-version=2018-05-01".encode()
    response = attacker.request("PUT", target, bomb, headers=(b"Content-Encoding: " + encoding.encode(),))

    assert 400 <= response.status < 500
    assert in_envelope(response)


@pytest.mark.parametrize(
    "head",
    [
        b"GET",
        b"\x16\x03\x01\x00\xa5",
        b"GET / HTTP/9.9\r\nHost: management.azure.com",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: management.azure.com",
        b"G\x00T / HTTP/1.1\r\nHost: management.azure.com",
        b"GET / HTTP/1.1\r\nHost: management.azure.com\r\nContent-Length: -1",
        b"GET / HTTP/1.1\r\nHost: management.azure.com\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"GET / HTTP/1.1\r\nHost: management.azure.com\r\nContent-Length: 0\r\nTransfer-Encoding: identity",
        b"GET / HTTP/1.1\r\nHost: management.azure.com\r\nBroken",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: management.azure.com",
        b"GET / HTTP/1.1\r\nHost: management.azure.com\r\nContent-Length: 99999999999999999999999",
    ],
)
def test_what_is_not_http_is_a_bad_request(attacker: Attacker, head: bytes) -> None:
    response = attacker.send(head + b"\r\nConnection: close")

    assert 400 <= response.status < 500, response


@pytest.mark.parametrize("name", ["", "example.com", "management.azure.com.example.com", "[::1]", "x" * 5000, "\xff"])
def test_a_host_inside_the_tunnel_that_is_not_played_is_misdirected(attacker: Attacker, name: str) -> None:
    response = attacker.send(b"GET / HTTP/1.1\r\nConnection: close\r\nHost: " + name.encode("latin-1"))

    assert response.status in (400, 421)


def test_a_body_that_never_ends_does_not_stop_others(attacker: Attacker) -> None:
    head = attacker.unfinished("slow")
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(attacker.connection()).sendall(head + b'{"location": ')

        assert attacker.is_served()
    assert attacker.is_served()


def test_a_head_that_never_ends_does_not_stop_others(attacker: Attacker) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(attacker.connection()).sendall(b"GET / HTTP/1.1\r\nHost: manage")

        assert attacker.is_served()


def test_a_client_that_stops_sending_is_still_answered_or_let_go(attacker: Attacker) -> None:
    port = int(attacker.endpoint.proxy_url.rpartition(":")[2])
    for data in (
        b"",
        b"CONNECT management.azure.com:443 HTTP/1.1\r\n\r\n",
        b"CONNECT management.azure.com:443 HTTP/1.1\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as half_closed:
            half_closed.sendall(data)
            half_closed.shutdown(socket.SHUT_WR)
            while half_closed.recv(1000):
                pass

    assert attacker.is_served()


def test_a_client_that_leaves_in_its_body_leaves_nothing_behind(attacker: Attacker) -> None:
    target = f"{PROVIDER}/workspaces/left?api-version=2018-05-01"
    head = (
        f"PUT {target} HTTP/1.1\r\nHost: {ARM}\r\nAuthorization: Bearer {attacker.token}\r\nContent-Length: 22\r\n\r\n"
    )
    with attacker.connection() as sock:
        sock.sendall(head.encode() + b'{"location": "eastus"')

    assert attacker.request("GET", target.encode()).status == 404


def test_requests_in_a_row_on_one_connection_are_answered_in_order(attacker: Attacker) -> None:
    line = f"Host: {ARM}\r\nAuthorization: Bearer {attacker.token}\r\n"
    first = f"GET {GROUP}?api-version=2018-05-01 HTTP/1.1\r\n{line}\r\n"
    last = f"GET /nowhere?api-version=2018-05-01 HTTP/1.1\r\n{line}Connection: close\r\n\r\n"
    with attacker.connection() as sock:
        sock.sendall((first * 20 + last).encode())
        data = b""
        while piece := sock.recv(1 << 16):
            data += piece

    assert data.count(b"HTTP/1.1 200 ") == 20
    assert b"HTTP/1.1 404 " in data[data.rindex(b"HTTP/1.1 200 ") :]
