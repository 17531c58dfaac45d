"""Cross-origin requests: the rules of each service for pages of other origins."""

import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    AccountSasPermissions,
    BlobServiceClient,
    CorsRule,
    ResourceTypes,
    generate_account_sas,
)

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch

PAGE = "http://page.example"
RULES = [
    CorsRule([PAGE, "https://*.contoso.com"], ["GET", "PUT"], allowed_headers=["x-ms-*", "content-type"],
             exposed_headers=["x-ms-request-id", "etag"], max_age_in_seconds=60),
    CorsRule(["*"], ["HEAD"], max_age_in_seconds=5),
]  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with launch(Path(tmp_path_factory.mktemp("cors")), only="storage") as running:
        with BlobServiceClient.from_connection_string(running.connection_string) as blobs:
            blobs.set_service_properties(cors=RULES)
            blobs.create_container("box").upload_blob("b", b"hello")
        yield running


def url(endpoint: Endpoint, path: str = "/box/b", permission: str = "rw") -> str:
    sas = generate_account_sas(
        endpoint.storage_account, endpoint.storage_key, ResourceTypes(object=True),
        AccountSasPermissions.from_string(permission), datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip
    return f"{endpoint.blob_url}/{endpoint.storage_account}{path}?{sas}"


def ask(address: str, origin: str, method: str, names: str = "") -> requests.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": names}
    return requests.options(address, headers={name: value for name, value in headers.items() if value}, timeout=60)


@pytest.mark.parametrize(
    ("origin", "method", "names"),
    [
        (PAGE, "PUT", "x-ms-blob-type, Content-Type"),
        ("https://www.contoso.com", "GET", ""),
        ("https://a.b.contoso.com", "GET", ""),
        ("http://anybody.example", "HEAD", ""),
    ],
)
def test_a_preflight_response_shows_what_a_page_may_do(shared: Endpoint, origin: str, method: str, names: str) -> None:
    response = ask(url(shared), origin, method, names)

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] in (origin, "*")
    assert response.headers["access-control-allow-methods"] == method
    assert response.headers["access-control-max-age"] in ("60", "5")
    assert response.headers.get("access-control-allow-headers", "").replace(" ", "") == names.replace(" ", "")


@pytest.mark.parametrize(
    ("origin", "method", "names"),
    [
        ("http://other.example", "GET", ""),
        (PAGE, "DELETE", ""),
        (PAGE, "PUT", "authorization"),
        ("https://contoso.com.evil.example", "GET", ""),
        ("http://www.contoso.com", "GET", ""),
        (PAGE.upper(), "GET", ""),
    ],
)
def test_a_page_that_no_rule_means_is_refused(shared: Endpoint, origin: str, method: str, names: str) -> None:
    response = ask(url(shared), origin, method, names)

    assert (response.status_code, response.headers["x-ms-error-code"]) == (403, "CorsPreflightFailure")
    assert "access-control-allow-origin" not in response.headers


def test_a_question_that_is_none_is_malformed(shared: Endpoint) -> None:
    assert requests.options(url(shared), headers={"Origin": PAGE}, timeout=60).status_code == 400


def test_an_answer_says_who_may_read_it(shared: Endpoint) -> None:
    response = requests.get(url(shared), headers={"Origin": PAGE}, timeout=60)

    assert response.text == "hello"
    assert response.headers["access-control-allow-origin"] == PAGE
    assert response.headers["access-control-allow-credentials"] == "true"
    assert set(response.headers["access-control-expose-headers"].lower().split(",")) == {"etag", "x-ms-request-id"}
    assert response.headers["vary"] == "Origin"


def test_a_refusal_can_be_read_by_a_page_too(shared: Endpoint) -> None:
    response = requests.get(url(shared, "/box/missing"), headers={"Origin": PAGE}, timeout=60)

    assert response.status_code == 404
    assert response.headers["access-control-allow-origin"] == PAGE


def test_who_is_no_page_sees_no_rules(shared: Endpoint) -> None:
    response = requests.get(url(shared), timeout=60)

    assert "access-control-allow-origin" not in response.headers
    assert response.headers["vary"] == "Origin"


def test_the_rules_of_one_service_are_not_those_of_the_other(shared: Endpoint) -> None:
    response = ask(f"{shared.file_url}/{shared.storage_account}/box/b", PAGE, "GET")

    assert response.status_code == 403


@pytest.mark.parametrize("rule", [CorsRule([PAGE], ["FETCH"]), CorsRule([], ["GET"]), CorsRule([PAGE], [])])
def test_a_rule_that_means_nothing_is_refused(shared: Endpoint, rule: CorsRule) -> None:
    with (
        BlobServiceClient.from_connection_string(shared.connection_string, retry_total=0) as blobs,
        pytest.raises(HttpResponseError, match="CorsRule"),
    ):
        blobs.set_service_properties(cors=[rule])


class _Page(BaseHTTPRequestHandler):
    """A page that reads and writes a blob, and shows the results."""

    address = ""

    def do_GET(self) -> None:
        script = f"""
        const address = {self.address!r};
        async function run() {{
          const read = await fetch(address);
          const written = await fetch(address, {{method: "PUT", body: "by a page",
            headers: {{"x-ms-blob-type": "BlockBlob"}}}});
          return (await read.text()) + " " + written.status + " " + (written.headers.get("x-ms-request-id") !== null);
        }}
        run().then(text => document.body.textContent = text, e => document.body.textContent = "failed: " + e);
        """
        body = f"<!DOCTYPE html><body>waiting</body><script>{script}</script>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""


@pytest.mark.slow  # a browser
def test_a_page_in_a_browser_reads_and_writes_a_blob(tmp_path: Path) -> None:
    chromium = which("chromium") or which("chromium-browser") or which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    with launch(tmp_path / "data", only="storage") as endpoint, ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        origin = f"http://127.0.0.1:{server.server_address[1]}"
        rule = CorsRule([origin], ["GET", "PUT"], allowed_headers=["*"], exposed_headers=["*"], max_age_in_seconds=60)
        with BlobServiceClient.from_connection_string(endpoint.connection_string) as blobs:
            blobs.set_service_properties(cors=[rule])
            container = blobs.create_container("box")
            container.upload_blob("b", b"hello")
            _Page.address = url(endpoint)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            arguments = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
            shown = subprocess.run(
                [chromium, *arguments, "--virtual-time-budget=20000", "--dump-dom", origin],
                capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
            server.shutdown()
            assert "<body>hello 201 true</body>" in shown.stdout, shown.stdout + shown.stderr
            assert container.download_blob("b").readall() == b"by a page"
