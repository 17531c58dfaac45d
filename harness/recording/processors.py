"""What recording makes of each interaction: processors are pure functions on copies, in one ordered tuple."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from harness.recording.interactions import Interaction
from harness.recording.scrub import Scrubber

# The rest says nothing about the story, and would make every recording differ from the one before.
_KEPT_REQUEST_HEADERS = frozenset(
    {
        "content-type",
        "range",
        "x-ms-range",
        "x-ms-write",
        "x-ms-type",
        "x-ms-content-length",
        "x-ms-copy-source",
    }
)
_DROPPED_RESPONSE_HEADERS = frozenset(
    {
        "authorization", "cache-control", "connection", "content-encoding", "date", "keep-alive", "pragma",
        "request-id", "server", "set-cookie", "strict-transport-security", "transfer-encoding", "vary",
        "www-authenticate", "x-content-type-options", "x-ms-client-request-id", "x-ms-correlation-request-id",
        "x-ms-gateway-service-instanceid", "x-ms-ratelimit-remaining-subscription-reads",
        "x-ms-ratelimit-remaining-subscription-resource-requests", "x-ms-ratelimit-remaining-tenant-reads",
        "x-ms-request-id", "x-ms-routing-request-id", "x-ms-served-by",
    }
)  # fmt: skip
_CHECKSUMS = frozenset({"content-md5", "x-ms-content-md5", "x-ms-content-crc64"})

Processor = Callable[[Interaction, Scrubber], Interaction]


def keep_telling_request_headers(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """Authorization, user agents, dates and client request ids are not part of the story."""
    del scrubber
    kept = {k: v for k, v in interaction.request.headers.items() if k.lower() in _KEPT_REQUEST_HEADERS}
    return replace(interaction, request=replace(interaction.request, headers=kept))


def drop_passing_response_headers(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """What is true of this one connection only."""
    del scrubber
    kept = {k: v for k, v in interaction.response.headers.items() if k.lower() not in _DROPPED_RESPONSE_HEADERS}
    return replace(interaction, response=replace(interaction.response, headers=kept))


def replace_secrets(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """URLs, headers and bodies of both sides. A checksum goes with its body; a part of a file keeps its length."""
    request, response = interaction.request, interaction.response
    is_part = any(name.lower() == "content-range" for name in response.headers)
    body = scrubber.body(response.body, in_place=is_part)
    headers = scrubber.headers(response.headers)
    if body != response.body:
        headers = {name: value for name, value in headers.items() if name.lower() not in _CHECKSUMS}
    return replace(
        interaction,
        request=replace(
            request,
            uri=scrubber.text(request.uri),
            headers=scrubber.headers(request.headers),
            body=scrubber.body(request.body),
        ),
        response=replace(response, reason=scrubber.text(response.reason), headers=headers, body=body),
    )


PROCESSORS: tuple[Processor, ...] = (
    keep_telling_request_headers,
    drop_passing_response_headers,
    replace_secrets,
)


def scrub(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """A copy of an interaction with every processor applied."""
    for processor in PROCESSORS:
        interaction = processor(interaction, scrubber)
    return interaction


def scrub_all(story: Iterable[Interaction], scrubber: Scrubber) -> tuple[list[Interaction], Scrubber]:
    """A whole story scrubbed, and the scrubber that it took: one that knows the story's own secrets."""
    items = list(story)
    informed = scrubber.informed_by(items)
    return [scrub(item, informed) for item in items], informed
