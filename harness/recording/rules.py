"""What looks secret in text: one table, by which scrubbing replaces and the scan refuses."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from harness.recording import placeholders


@dataclass(frozen=True, slots=True)
class Rule:
    """One way in which a secret shows.

    Attributes:
        what: its kind, as a message names it.
        pattern: its group ``value`` is the secret.
        hints: lower-case words, one of which occurs wherever the pattern matches; they only save time.
        placeholder: what to write in its place.
        within: where this is given, only what lies inside of its matches counts.
        is_distinct: nothing else looks so; it is looked for in bytes that are no text, too.
        spreads: the value may occur again where nothing shows that it is secret.
        is_name: it says who somebody is and opens nothing: replaced, but not reported.
        is_accepted: whether a value is nothing to replace.
    """

    what: str
    pattern: re.Pattern[str]
    hints: tuple[str, ...]
    placeholder: Callable[[str], str] = placeholders.word
    within: re.Pattern[str] | None = None
    is_distinct: bool = False
    spreads: bool = False
    is_name: bool = False
    is_accepted: Callable[[str], bool] = placeholders.is_placeholder

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where secrets of this kind begin and end."""
        places = [(0, len(text))] if self.within is None else [found.span() for found in self.within.finditer(text)]
        for start, end in places:
            for match in self.pattern.finditer(text, start, end):
                if not self.is_accepted(match.group("value")):
                    yield match.span("value")


def _any_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_GUID = r"(?P<value>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})(?![0-9a-fA-F])"
_IDENTITIES = ("subscription", "tenant", "client", "principal", "object", "application", "app")
# The letter before a value may belong to an escape in JSON or in a URL.
_ESCAPE = r"(?<=\\)(?:[bfnrt]|u[0-9a-fA-F]{4})|(?<=%[0-9A-Fa-f]{2})"
_JSON_TEXT = r'(?P<value>(?:[^"\\]|\\.)+)'
_NAMES = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret(?:[ _-]?value)?|client[ _-]?assertion|shared[ _-]?access[ _-]?signature"
    r"|(?:access|refresh|id|auth|bearer|sas|security|session)[ _-]?token"
    r"|(?:account|access|storage|primary|secondary|api|private|encryption|signing|master|subscription"
    r"|instrumentation|functions?|ssh[ _-]?public|public[ _-]?ssh)[ _-]?key)"
)
_NAME_HINTS = ("pass", "pwd", "secret", "assertion", "signature", "token", "key")
_SIG = r"(?:(?<![A-Za-z0-9_])|(?<=\\u0026)|(?<=%26)|(?<=%3f)|(?<=\\[nrt]))sig"
_ACCOUNT = r"(?P<value>[a-z0-9]{3,24})"
_SERVICES = r"(?:blob|dfs|file|queue|table|web)"

_named = partial(Rule, "a secret field", hints=_NAME_HINTS, spreads=True)
_signature = partial(Rule, "a SAS signature", hints=("sig",), is_distinct=True)
_storage_key = partial(Rule, "a storage account key", is_distinct=True, spreads=True)
_identity = partial(Rule, "a subscription, tenant or identity", placeholder=placeholders.guid, spreads=True)
_account = partial(
    Rule,
    "a storage account's name",
    placeholder=placeholders.account,
    is_accepted=placeholders.is_placeholder_account,
    is_name=True,
)

RULES: tuple[Rule, ...] = (
    Rule(
        "a private key",
        re.compile(r"(?P<value>-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))"),
        hints=("private key-----",),
        is_distinct=True,
    ),
    Rule(
        "a host key",
        re.compile(
            r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+)(?:\s|\+|%20|\\[nt])+(?P<value>AAAA[A-Za-z0-9+/=]{16,})"
        ),
        hints=("aaaa",),
        is_distinct=True,
        spreads=True,
    ),
    Rule("a host key", re.compile(r"\bSHA256:(?P<value>[A-Za-z0-9+/]{43})(?![A-Za-z0-9+/])"), hints=("sha256:",)),
    Rule("a host key", _any_case(r"\bMD5:(?P<value>(?:[0-9a-f]{2}:){15}[0-9a-f]{2})\b"), hints=("md5:",)),
    _storage_key(
        re.compile(rf"(?:{_ESCAPE}|(?<![A-Za-z0-9+/\\]))(?P<value>[A-Za-z0-9+/]{{86}}==)"),
        hints=("==",),
        placeholder=placeholders.key,
    ),
    _storage_key(
        _any_case(rf"(?:{_ESCAPE}|(?<![A-Za-z0-9%\\]))(?P<value>(?:[A-Za-z0-9]|%2B|%2F){{86}}%3D%3D)"),
        hints=("%3d%3d",),
        placeholder=placeholders.encoded_key,
    ),
    Rule(
        "a token",
        re.compile(r"(?P<value>eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*)"),
        hints=("eyj",),
        is_distinct=True,
        spreads=True,
    ),
    _signature(_any_case(rf"{_SIG}=(?P<value>[^&\s\"'<>\\]+)")),
    _signature(_any_case(rf"{_SIG}%(?:25)?3D(?P<value>(?:(?!%(?:25)?26)[^&\s\"'<>\\])+)")),
    Rule(
        "an Authorization header",
        _any_case(r"\b(?:Bearer|SharedKey(?:Lite)?) (?P<value>[A-Za-z0-9._~+/:=-]{16,})"),
        hints=("bearer ", "sharedkey"),
        is_distinct=True,
        spreads=True,
    ),
    Rule(
        "an Authorization header",
        _any_case(r"authorization\W{1,6}basic (?P<value>[A-Za-z0-9+/=]{4,})"),
        hints=("basic ",),
        spreads=True,
    ),
    Rule(
        "a password in a URL",
        _any_case(r"://[^/\s:@\"'<>]*:(?P<value>[^/\s@\"'<>]+)@"),
        hints=("@",),
        spreads=True,
    ),
    # A field by its name: in JSON, in JSON within JSON, as Python and shells show it, in forms, logs, XML, multi-part.
    _named(_any_case(rf"{_NAMES}[\"']?\s*(?:[:=]|=>)\s*\"{_JSON_TEXT}\"")),
    _named(_any_case(rf"{_NAMES}[\"']?\s*(?:[:=]|=>)\s*'(?P<value>(?:[^'\\]|\\.)+)'")),
    _named(_any_case(rf'{_NAMES}\\"\s*:\s*\\"(?P<value>(?:[^"\\]|\\{{2}}(?:\\"|\\{{2}}|[^"\\]))+)\\"')),
    _named(
        _any_case(
            rf"{_NAMES}[ \t]*[=:][ \t]*(?!(?:null|none|true|false)\b)(?P<value>[^\s&;\"'<>{{}}\[\]\\|][^\s&;\"'<>\\]*)"
        )
    ),
    _named(_any_case(rf"{_NAMES}(?:%3D|%3A)(?P<value>(?:(?!%26)[^&\s\"'<>\\])+)")),
    _named(_any_case(rf"(?<![\w-])--[\w-]*{_NAMES}\s+[\"']?(?P<value>[^\s\"'\\-][^\s\"'\\]*)")),
    _named(_any_case(rf"<(?:\w+:)?(?:key|signature|\w*{_NAMES})>\s*(?P<value>[^<]*[^<\s])")),
    _named(
        _any_case(rf"name=\"?[\w.\[\]-]*{_NAMES}\]?\"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n(?P<value>[\s\S]+?)\r?\n--")
    ),
    # A field by a name beside it: environment variables, and everything in a list of secrets.
    _named(_any_case(rf'"name"\s*:\s*"[^"]*{_NAMES}"\s*,\s*"value"\s*:\s*"{_JSON_TEXT}"')),
    _named(_any_case(rf'"value"\s*:\s*"{_JSON_TEXT}"\s*,\s*"name"\s*:\s*"[^"]*{_NAMES}"')),
    _named(
        _any_case(rf'"value"\s*:\s*"{_JSON_TEXT}"'),
        within=_any_case(r'"secrets"\s*:\s*\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\]'),
    ),
    _named(
        _any_case(r"<Value>(?P<value>[^<]+)"),
        within=_any_case(r"<UserDelegationKey>[\s\S]*?</UserDelegationKey>"),
    ),
    # Every URL of Resource Manager has one: a pattern that heeds case is several times faster.
    _identity(
        re.compile(rf"(?:/|%2[Ff])(?:[Ss]ubscriptions|SUBSCRIPTIONS|[Tt]enants)(?:/|%2[Ff]){_GUID}"),
        hints=("subscriptions", "tenants"),
    ),
    _identity(_any_case(rf"(?:login\.[a-z.]+|sts\.windows\.net)(?:/|%2F){_GUID}"), hints=("login.", "sts.")),
    _identity(
        _any_case(rf"(?:{'|'.join(_IDENTITIES)})[_-]?id(?:\W|%3D|%22|%3A){{1,8}}{_GUID}"),
        hints=tuple(f"{name}{between}id" for name in _IDENTITIES for between in ("", "_", "-")),
    ),
    Rule(
        "an e-mail address",
        re.compile(
            rf"(?:{_ESCAPE}|(?<![A-Za-z0-9._%+\\-]))"
            r"(?P<value>[A-Za-z0-9._+-]{1,64}(?:@|%40)(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24})(?![A-Za-z0-9-])"
        ),
        hints=("@", "%40"),
        placeholder=placeholders.address,
        spreads=True,
    ),
    _account(
        _any_case(rf"(?:{_ESCAPE}|(?<![a-z0-9\\-])){_ACCOUNT}(?=(?:-secondary)?\.{_SERVICES}\.(?:core|storage)\.)"),
        hints=(".core.", ".storage."),
    ),
    _account(_any_case(rf'/storageAccounts/[a-z0-9]+"\s*,\s*"name"\s*:\s*"{_ACCOUNT}"'), hints=("storageaccounts",)),
    _account(
        _any_case(rf'"name"\s*:\s*"{_ACCOUNT}"\s*,\s*"type"\s*:\s*"Microsoft\.Storage/storageAccounts"'),
        hints=("storageaccounts",),
    ),
    _account(_any_case(rf"(?:/|%2F)storageAccounts(?:/|%2F){_ACCOUNT}(?![a-z0-9])"), hints=("storageaccounts",)),
    _account(
        _any_case(rf"account[ _-]?name[\\\"']*\s*(?:[=:]|%3D)\s*[\\\"']*{_ACCOUNT}(?![a-z0-9])"), hints=("account",)
    ),
)

DISTINCT_RULES = tuple(rule for rule in RULES if rule.is_distinct)
_HINTS = frozenset(hint for rule in RULES for hint in rule.hints)


def likely(text: str, rules: tuple[Rule, ...] = RULES) -> list[Rule]:
    """The rules that a text may have a match for: the others need not be tried."""
    lowered = text.lower()
    seen = {hint for hint in _HINTS if hint in lowered}
    return [rule for rule in rules if not seen.isdisjoint(rule.hints)]


_SECRET_HEADER = _any_case(rf"authorization|cookie|{_NAMES}$|signature|^x-auth|^apikey$")


def is_secret_header(name: str) -> bool:
    """Whether a header's whole value is secret, whatever it looks like."""
    return _SECRET_HEADER.search(name) is not None
