"""Plays Microsoft's recordings through the installed azure-mgmt-batchai: ``python sdk_player.py CASSETTE...``.

The SDK's operations send the requests of a recording, with the recorded bodies, and its pollers send the polls.
Requests of other services (storage, resource groups) are sent directly. The player prints one line of JSON for each
recording: the number of requests, and the unused responses.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from inspect import signature
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from harness.recording import blocked_sockets, load_cassette, open_session, unused_answers
from harness.recording.bodies import unwrap_literals
from harness.recording.interactions import RecordedRequest
from harness.recording.no_sleep import no_sleep

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
GROUPS = {"fileServers": "file_servers", "fileservers": "file_servers"}
PARAMETERS = {"PATCH": "Update", "PUT": "Create"}


class Player:
    """One recording on one client.

    Args:
        client: a client of the SDK.
        models: the models of the SDK.
        session: the replaying session.
        counts: the number of requests that were sent so far, by method and URL.
    """

    def __init__(self, client: Any, models: Any, session: requests.Session, counts: Counter[tuple[str, str]]) -> None:
        self.client = client
        self.models = models
        self.session = session
        self.counts = counts
        self.due: Counter[tuple[str, str]] = Counter()

    def play(self, request: RecordedRequest) -> None:
        """Send a request, unless a poller has already sent it."""
        key = (request.method, request.uri)
        self.due[key] += 1
        if self.counts[key] >= self.due[key]:
            return
        operation = self.operation(request)
        if operation is None:
            self.session.request(
                request.method, request.uri, headers=dict(request.headers), data=unwrap_literals(request.body)
            )
            return
        with suppress(*self.refusals()):
            result = operation()
            if hasattr(result, "result"):
                result.result()
            elif isinstance(result, Iterator):
                list(result)

    def refusals(self) -> tuple[type[Exception], ...]:
        """The errors that the SDK raises when the service refuses, which recordings contain."""
        from azure.core.exceptions import HttpResponseError

        with suppress(ImportError):
            from msrestazure.azure_exceptions import CloudError

            return (CloudError, HttpResponseError)
        return (HttpResponseError,)

    def operation(self, request: RecordedRequest) -> Callable[[], Any] | None:
        """Return the call of the SDK that sends a request; None if there is no such operation."""
        path = urlsplit(request.uri).path
        match = re.fullmatch(r"/subscriptions/[^/]+/resourceGroups/([^/]+)/providers/Microsoft\.BatchAI/(.+)", path)
        if match is None or self.is_poll(path):
            return None
        group, segments = match.group(1), match.group(2).split("/")
        names, kinds = segments[1::2], segments[::2]
        if len(segments) % 2 == 0:
            return self.of_resource(request, kinds[-1], [group, *names])
        if request.method == "POST":
            return self.action(request, kinds[-2], segments[-1], [group, *names])
        return self.listing(kinds, [group, *names])

    def is_poll(self, path: str) -> bool:
        return "/operationresults/" in path or "/operationstatuses/" in path

    def of_resource(self, request: RecordedRequest, kind: str, names: list[str]) -> Callable[[], Any] | None:
        operations = getattr(self.client, GROUPS.get(kind, kind))
        if request.method in ("GET", "DELETE"):
            return lambda: operation_named(operations, request.method.lower())(*names)
        verb = PARAMETERS[request.method]
        model = f"{kind[0].upper()}{kind[1:-1]}{verb}Parameters"
        if not hasattr(self.models, model):  # an experiment, which is created from nothing
            return lambda: operation_named(operations, verb.lower())(*names)
        if not request.body:  # the recorder lost it
            return None
        # The client of the 2017 recordings differs from the published one.
        body = json.loads(unwrap_literals(request.body).replace(b'"credentialsInfo"', b'"credentials"'))
        if "parameters" not in signature(operation_named(operations, verb.lower())).parameters:
            return lambda: operation_named(operations, verb.lower())(*names, **body)
        parameters = self.client._deserialize(model, body)
        return lambda: operation_named(operations, verb.lower())(*names, parameters=parameters)

    def action(self, request: RecordedRequest, kind: str, action: str, names: list[str]) -> Callable[[], Any]:
        operations = getattr(self.client, GROUPS.get(kind, kind))
        name = re.sub("[A-Z]", lambda letter: f"_{letter.group().lower()}", action)
        query = dict(parse_qsl(urlsplit(request.uri).query))
        if name == "list_output_files":
            options = self.models.JobsListOutputFilesOptions(outputdirectoryid=query["outputdirectoryid"])
            return lambda: operations.list_output_files(*names, jobs_list_output_files_options=options)
        return lambda: operation_named(operations, name)(*names)

    def listing(self, kinds: list[str], names: list[str]) -> Callable[[], Any]:
        operations = getattr(self.client, GROUPS.get(kinds[-1], kinds[-1]))
        parent = kinds[-2][:-1] if len(kinds) > 1 else "resource_group"
        return lambda: getattr(operations, f"list_by_{parent}")(*names)


def operation_named(operations: Any, name: str) -> Callable[..., Any]:
    return getattr(operations, f"begin_{name}", None) or getattr(operations, name)


def new_client(session: requests.Session) -> tuple[Any, Any]:
    """Create a client of the installed SDK on a session, and return it with the SDK's models."""
    import azure.mgmt.batchai as sdk

    if hasattr(sdk, "BatchAI"):
        from azure.core.credentials import AccessToken
        from azure.core.pipeline.transport import RequestsTransport

        class Credential:
            def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
                return AccessToken("none", 2**40)

        transport = RequestsTransport(session=session, session_owner=False)
        return sdk.BatchAI(Credential(), SUBSCRIPTION, transport=transport), sdk.models
    from msrest.authentication import BasicTokenAuthentication

    client = sdk.BatchAIManagementClient(BasicTokenAuthentication({"access_token": "none"}), SUBSCRIPTION)

    def mount(client_session: requests.Session, *_configs: Any, **options: Any) -> dict[str, Any]:
        client_session.mount("https://", session.get_adapter("https://"))
        return options

    client.config.session_configuration_callback = mount
    return client, sdk.models


def play(cassette: Path) -> dict[str, Any]:
    """Play a complete recording."""
    counts: Counter[tuple[str, str]] = Counter()
    options: dict[str, Any] = {"replacements": {}, "base": requests.Session, "provenance": {}}
    with open_session(cassette, "replay", **options) as session, blocked_sockets(), no_sleep():
        adapter: Any = session.get_adapter("https://")
        send = adapter.send

        def count_and_send(request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
            counts[(request.method or "", request.url or "")] += 1
            return send(request, *arguments, **options)

        adapter.send = count_and_send
        player = Player(*new_client(session), session, counts)
        for item in load_cassette(cassette):
            for _ in range(item.count):
                if not player.is_poll(item.request.uri):
                    player.play(item.request)
        unused = [str(answers) for answers in unused_answers(session)]
    return {"cassette": cassette.name, "requests": sum(counts.values()), "unused": unused}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.write(json.dumps(play(Path(name))) + "\n")
