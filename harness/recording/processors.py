"""The processors that scrub each recorded interaction: pure functions that return copies, in one ordered tuple."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from harness.recording.cookies import without_lifetime, without_value
from harness.recording.interactions import Interaction, date_of
from harness.recording.scrub import Scrubber

# Other headers do not identify the request, and would make every recording differ from the previous one.
_IDENTIFYING_REQUEST_HEADERS = frozenset(
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
        "authorization", "azureml-served-by-cluster", "cache-control", "connection", "content-encoding", "date",
        "keep-alive", "pragma", "request-context", "request-id", "server", "strict-transport-security",
        "transfer-encoding", "vary", "www-authenticate", "x-aml-cluster", "x-content-type-options",
        "x-ms-client-request-id", "x-ms-correlation-request-id", "x-ms-gateway-service-instanceid",
        "x-ms-ratelimit-remaining-subscription-deletes", "x-ms-ratelimit-remaining-subscription-global-reads",
        "x-ms-ratelimit-remaining-subscription-global-writes", "x-ms-ratelimit-remaining-subscription-reads",
        "x-ms-ratelimit-remaining-subscription-resource-requests", "x-ms-ratelimit-remaining-subscription-writes",
        "x-ms-ratelimit-remaining-tenant-reads", "x-ms-request-id", "x-ms-routing-request-id", "x-ms-served-by",
        "x-request-time",
    }
)  # fmt: skip
_CHECKSUMS = frozenset({"content-md5", "x-ms-content-md5", "x-ms-content-crc64"})

Processor = Callable[[Interaction, Scrubber], Interaction]


def replace_cookies(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """Replace the values of cookies; runs first, because it needs the date of the response."""
    response = interaction.response
    date = date_of(response)
    cookies = tuple(scrubber.text(without_lifetime(without_value(line), date)) for line in response.cookies)
    return replace(interaction, response=replace(response, cookies=cookies))


def keep_identifying_request_headers(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """Drop credentials, and user agents, dates and client request ids, which differ in every recording."""
    del scrubber
    headers = {k: v for k, v in interaction.request.headers.items() if k.lower() in _IDENTIFYING_REQUEST_HEADERS}
    return replace(interaction, request=replace(interaction.request, headers=headers))


def drop_connection_headers(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """Drop headers that describe one connection: they would make every recording differ from the previous one."""
    del scrubber
    headers = {k: v for k, v in interaction.response.headers.items() if k.lower() not in _DROPPED_RESPONSE_HEADERS}
    return replace(interaction, response=replace(interaction.response, headers=headers))


def replace_secrets(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """Scrub URLs, headers and bodies of request and response.

    The checksums of a changed body are dropped. A part of a file keeps its length.
    """
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
    replace_cookies,
    keep_identifying_request_headers,
    drop_connection_headers,
    replace_secrets,
)


def scrub(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """Return a copy of an interaction with every processor applied."""
    for processor in PROCESSORS:
        interaction = processor(interaction, scrubber)
    return interaction


def scrub_all(recording: Iterable[Interaction], scrubber: Scrubber) -> tuple[list[Interaction], Scrubber]:
    """Scrub all interactions of a recording; also return the scrubber, which knows the recording's secrets."""
    items = list(recording)
    informed = scrubber.with_learned_secrets(items)
    return [scrub(item, informed) for item in items], informed
