"""Search for identities: ids of subscriptions and directories, e-mail addresses, storage accounts, web tokens.

Each function finds a part that is fast to find, then looks at a bounded number of characters before it, so its time
grows linearly with the length of the text.
"""

import re
from collections.abc import Iterator

Span = tuple[int, int]

_LOOK_BACK = 100  # characters

_GUID = re.compile(r"-(?<=(?P<start>[0-9a-fA-F]{8})-)(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9a-fA-F])")
_BEFORE_AN_ID = re.compile(
    r"(?:/(?:subscriptions|tenants)/|(?:login\.[a-z.]+|sts\.windows\.net)/"
    r"|(?:subscription|tenant|client|principal|object|application|app)[_-]?id\W{1,8})\Z",
    re.IGNORECASE,
)
_DOMAIN = re.compile(r"@(?:[A-Za-z0-9-]++\.)+[A-Za-z]{2,24}(?![A-Za-z0-9-])")
_MAILBOX = re.compile(r"(?<![A-Za-z0-9._%+\\-])[A-Za-z0-9._+-]{1,64}\Z")
_STORAGE_HOST = re.compile(r"\.(?i:blob|dfs|file|queue|table|web)\.(?i:core|storage)\.")
_BEFORE_A_STORAGE_HOST = re.compile(r"(?<![a-z0-9%\\-])([a-z0-9]{3,24})(?:-secondary)?\Z", re.IGNORECASE)
_ACCOUNT = r"((?i:[a-z0-9]{3,24}))"
_ACCOUNT_FIELDS = (
    re.compile(rf"/(?i:storageAccounts)/{_ACCOUNT}(?![A-Za-z0-9])(?:\"\s*+,\s*+\"(?i:name)\"\s*+:\s*+\"{_ACCOUNT}\")?"),
    re.compile(
        rf'"(?i:name)"\s*+:\s*+"{_ACCOUNT}"\s*+,\s*+"(?i:type)"\s*+:\s*+"(?i:Microsoft\.Storage/storageAccounts)"'
    ),
    re.compile(rf"[aA](?i:ccount[ _-]?name)[\"']*+\s*+[=:]\s*+[\"']*+{_ACCOUNT}(?![A-Za-z0-9])"),
)
_TOKEN_HEADER = re.compile(r"[A-Za-z0-9_-]++")
_TOKEN_REST = re.compile(r"\.[A-Za-z0-9_-]{5,}+\.[A-Za-z0-9_-]*+")


def directory_ids(text: str) -> Iterator[Span]:
    """Ids of subscriptions, tenants, users and applications."""
    for match in _GUID.finditer(text):
        start = match.start("start")
        if _BEFORE_AN_ID.search(text, max(0, start - _LOOK_BACK), start):
            yield start, match.end()


def email_addresses(text: str) -> Iterator[Span]:
    """E-mail addresses with a domain."""
    for match in _DOMAIN.finditer(text):
        mailbox = _MAILBOX.search(text, max(0, match.start() - _LOOK_BACK), match.start())
        if mailbox is not None:
            yield mailbox.start(), match.end()


def storage_accounts(text: str) -> Iterator[Span]:
    """Names of storage accounts in host names, resource ids, resources and settings."""
    spans = []
    for match in _STORAGE_HOST.finditer(text):
        account = _BEFORE_A_STORAGE_HOST.search(text, max(0, match.start() - _LOOK_BACK), match.start())
        if account is not None:
            spans.append(account.span(1))
    for pattern in _ACCOUNT_FIELDS:
        spans += [
            match.span(group) for match in pattern.finditer(text) for group in range(1, (match.lastindex or 0) + 1)
        ]
    yield from sorted(spans)


def web_tokens(text: str) -> Iterator[Span]:
    """JSON web tokens: three words separated by dots; the first begins with ``{"`` in base64."""
    start = text.find("eyJ")
    while start >= 0:
        header = _TOKEN_HEADER.match(text, start)
        end = header.end() if header else start
        rest = _TOKEN_REST.match(text, end)
        if rest is not None and end - start >= 8:
            end = rest.end()
            yield start, end
        start = text.find("eyJ", end)
