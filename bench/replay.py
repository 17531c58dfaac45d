"""Replay of a poll-heavy conversation, compared with vcrpy's default and with the bare client.

    python bench/replay.py [--json] [--rounds N] [--sizes N,N,...]

The conversation has N interactions: 60 % polls of one URL whose body changes, 40 % requests to different URLs; JSON
bodies of 1.4 KB, 12 response and 8 request headers. It is written twice, by vcrpy's own writer and by ours, and
replayed in order by `requests`; each body is checked. Load is the time from opening to the first response; the rates
count all later requests.

- vcrpy, in a temporary environment with our versions of requests, urllib3 and PyYAML. It scans the cassette for each
  request, so forty requests are timed at five positions each, with all earlier interactions marked as played.
- ours, through the adapter: the whole conversation, on our own cassette, and on vcrpy's.
- the bare client: an adapter responds to the same requests from a dict; its session has the same settings as ours.

Each figure is the median of all rounds; each measurement runs in its own process, in turns.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections import deque
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SIZES = (500, 2000, 5000)
POSITIONS, REQUESTS_PER_POSITION = 5, 40
JOBS = (
    "https://management.azure.com/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/myresourcegroup"
    "/providers/Microsoft.BatchAI/workspaces/workspace/experiments/experiment/jobs"
)
REQUEST_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "python/3.6.5 (Linux-4.16.12) requests/2.18.4 msrest/0.4.29 azure-mgmt-batchai/1.0.1",
    "accept-language": "en-US",
    "x-ms-return-client-request-id": "true",
}
RESPONSE_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "ETag": '"0x8D5CBE8E913E70C"',
    "Last-Modified": "Wed, 06 Jun 2018 20:05:54 GMT",
    "Server": "Microsoft-HTTPAPI/2.0",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
    "Date": "Wed, 06 Jun 2018 20:26:21 GMT",
}


def conversation(size: int) -> list[dict[str, Any]]:
    """Return the interactions in the form of vcrpy's serializer."""
    return [interaction(number) for number in range(size)]


def interaction(number: int) -> dict[str, Any]:
    name = "polled" if number % 5 < 3 else f"job{number}"
    job = {
        "id": f"{JOBS[28:]}/{name}",
        "name": name,
        "type": "Microsoft.BatchAI/workspaces/experiments/jobs",
        "properties": {
            "executionState": "running",
            "polls": number,
            "environmentVariables": [
                {"name": f"VARIABLE_{n}", "value": f"value {n} of the variables of job {number}"} for n in range(17)
            ],
        },
    }
    request_headers = REQUEST_HEADERS | {"x-ms-client-request-id": f"b20dab45-5c0e-44e7-8ebb-{number:012d}"}
    response_headers = RESPONSE_HEADERS | {"request-id": f"a20dab45-5c0e-44e7-8ebb-{number:012d}"}
    return {
        "request": {
            "body": None,
            "headers": {name: [value] for name, value in request_headers.items()},
            "method": "GET",
            "uri": f"{JOBS}/{name}?api-version=2018-05-01",
        },
        "response": {
            "body": {"string": json.dumps(job, separators=(",", ":"))},
            "headers": {name: [value] for name, value in response_headers.items()},
            "status": {"code": 200, "message": "OK"},
        },
    }


def urls_and_values(size: int) -> list[tuple[str, Any]]:
    return [(item["request"]["uri"], json.loads(item["response"]["body"]["string"])) for item in conversation(size)]


def rate(session: Any, expected: list[tuple[str, Any]]) -> float:
    """Replay requests and check each body; returns requests per second."""
    begin = time.perf_counter()
    answers = [session.get(url).content for url, _ in expected]
    seconds = time.perf_counter() - begin
    if [json.loads(answer) for answer in answers] != [value for _, value in expected]:
        raise SystemExit("a replayed body differs from the recorded one")
    return len(expected) / seconds


def measure_vcrpy(cassette: Path, size: int) -> dict[str, float]:
    import requests
    import vcr

    expected = urls_and_values(size)
    begin = time.perf_counter()
    with vcr.use_cassette(str(cassette), record_mode="none") as tape, requests.Session() as session:
        session.get(expected[0][0])
        load = time.perf_counter() - begin
        rates = []
        for position in range(POSITIONS):
            first = max(1, size * position // POSITIONS)
            for played in range(first):
                tape.play_counts[played] = 1
            rates.append(rate(session, expected[first : first + REQUESTS_PER_POSITION]))
    return {"load": load, "rate": statistics.harmonic_mean(rates)}


def measure_ours(cassette: Path, size: int) -> dict[str, float]:
    import requests

    from harness.recording import open_session

    expected = urls_and_values(size)
    begin = time.perf_counter()
    with open_session(cassette, "replay", replacements={}, base=requests.Session, provenance={}) as session:
        session.get(expected[0][0])
        load = time.perf_counter() - begin
        return {"load": load, "rate": rate(session, expected[1:])}


def measure_bare(_cassette: Path, size: int) -> dict[str, float]:
    import io

    import requests
    import urllib3
    from requests.adapters import HTTPAdapter

    answers: dict[str, deque[dict[str, Any]]] = {}
    for item in conversation(size):
        headers = {name: values[0] for name, values in item["response"]["headers"].items()}
        answer = {"headers": headers, "body": item["response"]["body"]["string"].encode()}
        answers.setdefault(item["request"]["uri"], deque()).append(answer)

    class FromDict(HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
            answer = answers[request.url or ""].popleft()
            raw = urllib3.HTTPResponse(
                body=io.BytesIO(answer["body"]), headers=answer["headers"], status=200, reason="OK",
                preload_content=False,
            )  # fmt: skip
            return self.build_response(request, raw)

    expected = urls_and_values(size)
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", FromDict())
        session.get(expected[0][0])
        return {"rate": rate(session, expected[1:])}


def write_cassettes(directory: Path, size: int) -> None:
    """Write the same conversation by vcrpy's writer and by ours."""
    from vcr.serializers import yamlserializer

    from harness.recording.cassette import save_cassette
    from harness.recording.limits import LARGEST_CONTENT
    from harness.recording.processors import scrub
    from harness.recording.scrub import Scrubber
    from harness.recording.vcr_format import interaction_from

    items = conversation(size)
    text = yamlserializer.serialize({"interactions": items, "version": 1})
    (directory / f"vcrpy-{size}.yaml").write_text(text, encoding="utf-8")
    # Scrubbing removes headers, but both cassettes must contain all of them.
    ours = [interaction_from(item, LARGEST_CONTENT) for item in items]
    if any(scrub(item, Scrubber({})).response.body != item.response.body for item in ours[:20]):
        raise SystemExit("scrubbing would change the conversation")
    save_cassette(directory / f"ours-{size}.json", ours, {"cloud": "made up"})


def peer_python(directory: Path) -> str:
    """Install vcrpy and our versions of the client into a new environment; returns its interpreter."""
    venv.create(directory, with_pip=True)
    python = str(directory / "bin" / "python")
    pinned = [f"{name}=={version(name)}" for name in ("vcrpy", "requests", "urllib3", "PyYAML")]
    subprocess.run([python, "-m", "pip", "install", "-qq", *pinned], check=True)
    return python


def run_measurement(python: str, contender: str, cassette: Path, size: int) -> dict[str, float]:
    command = [python, __file__, "--measure", contender, str(cassette), str(size)]
    process = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    figures: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    return figures


def bench(sizes: list[int], rounds: int) -> dict[str, Any]:
    """Measure all figures: contender -> size -> load seconds and rate."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        peer = peer_python(directory / "venv")
        runs: dict[str, dict[int, list[dict[str, float]]]] = {}
        for size in sizes:
            write_cassettes(directory, size)
            for _ in range(rounds):
                for contender, python, measured_as, file in (
                    ("vcrpy", peer, "vcrpy", f"vcrpy-{size}.yaml"),
                    ("ours", sys.executable, "ours", f"ours-{size}.json"),
                    ("bare", sys.executable, "bare", f"ours-{size}.json"),
                    ("ours on vcrpy's cassette", sys.executable, "ours", f"vcrpy-{size}.yaml"),
                ):
                    figures = run_measurement(python, measured_as, directory / file, size)
                    runs.setdefault(contender, {}).setdefault(size, []).append(figures)
    return {
        contender: {size: {key: statistics.median(run[key] for run in results) for key in results[0]}
                    for size, results in by_size.items()}
        for contender, by_size in runs.items()
    }  # fmt: skip


def ratios(figures: dict[str, Any], sizes: list[int]) -> dict[str, float]:
    """Return ratios of ours over theirs at the largest size; larger is better."""
    largest, smallest = max(sizes), min(sizes)
    ours, vcrpy, bare = (figures[name] for name in ("ours", "vcrpy", "bare"))
    return {
        "load_vs_vcrpy": round(vcrpy[largest]["load"] / ours[largest]["load"], 1),
        "replay_vs_vcrpy": round(ours[largest]["rate"] / vcrpy[largest]["rate"], 1),
        "vs_bare_client": round(ours[largest]["rate"] / bare[largest]["rate"], 2),
        "largest_vs_smallest": round(ours[largest]["rate"] / ours[smallest]["rate"], 2),
    }


def show(figures: dict[str, Any]) -> None:
    print(f"{'':<26}{'interactions':>13}{'load s':>9}{'replay/s':>10}")
    for contender, by_size in figures.items():
        for size, figure in by_size.items():
            load = f"{figure['load']:.3f}" if "load" in figure else "-"
            print(f"{contender:<26}{size:>13}{load:>9}{figure['rate']:>10.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument(
        "--rounds", type=int, default=3, help="number of rounds, of which figures are medians; default 3"
    )
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="interactions, comma-separated")
    parser.add_argument("--measure", nargs=3, metavar=("CONTENDER", "CASSETTE", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        contender, cassette, size = options.measure
        measure = {"vcrpy": measure_vcrpy, "ours": measure_ours, "bare": measure_bare}[contender]
        print(json.dumps(measure(Path(cassette), int(size))))
        return
    sizes = [int(size) for size in options.sizes.split(",")]
    figures = bench(sizes, options.rounds)
    summary = ratios(figures, sizes)
    show(figures)
    for name, value in summary.items():
        print(f"{name}: {value}")
    if options.json:
        print(json.dumps(summary | {"figures": figures, "versions": {"vcrpy": version("vcrpy")}}))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
