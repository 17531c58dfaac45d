"""The rules that recognize secrets in a text: scrubbing replaces what they match, and the scan refuses it.

A rule is applied to a text and to its unescaped layers (see `escapes`), so its pattern needs no escapes. The time of a
search is proportional to the text: each character is read a bounded number of times.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.recording import identities, placeholders, secret_fields
from harness.recording.escapes import Edit
from harness.recording.secret_fields import Span, is_secret_name


@dataclass(frozen=True, slots=True)
class Rule:
    """A way to recognize one kind of secret.

    Attributes:
        kind: the kind of secret, as messages name it.
        search: a pattern whose group ``value`` is the secret, or a function that yields the spans of secrets.
        hints: lower-case words, one of which occurs wherever the search matches; they only save time.
        placeholder: returns the replacement of a value.
        is_distinct: matches are hardly ever accidental, so the rule is applied to binary data, too.
        spreads: the value may occur in other messages, where no rule matches it.
        is_name: the value identifies a resource and grants no access; it is replaced, but not reported.
        is_accepted: whether a value needs no replacement.
    """

    kind: str
    search: re.Pattern[str] | Callable[[str], Iterator[Span]]
    hints: tuple[str, ...]
    placeholder: Callable[[str], str] = placeholders.word
    is_distinct: bool = False
    spreads: bool = False
    is_name: bool = False
    is_accepted: Callable[[str], bool] = placeholders.is_placeholder

    def spans(self, text: str) -> Iterator[Span]:
        """The spans of the secrets of this kind, in order."""
        return (span for span in self._matches(text) if not self.is_accepted(text[slice(*span)]))

    def _matches(self, text: str) -> Iterator[Span]:
        if isinstance(self.search, re.Pattern):
            return (match.span("value") for match in self.search.finditer(text))
        return self.search(text)

    def edits(self, text: str) -> list[Edit]:
        """The replacements for the secrets in a text."""
        return [(start, end, self.placeholder(text[start:end])) for start, end in self.spans(text)]


RULES: tuple[Rule, ...] = (
    Rule(
        "a private key",
        re.compile(r"(?P<value>-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))"),
        hints=("private key-----",),
        is_distinct=True,
    ),
    Rule(
        "a host key",
        re.compile(r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d{1,4})[\s+]++(?P<value>AAAA[A-Za-z0-9+/=]{16,})"),
        hints=("aaaa",),
        is_distinct=True,
        spreads=True,
    ),
    Rule("a host key", re.compile(r"\bSHA256:(?P<value>[A-Za-z0-9+/]{43})(?![A-Za-z0-9+/])"), hints=("sha256:",)),
    Rule("a host key", re.compile(r"\b(?i:MD5:(?P<value>(?:[0-9a-f]{2}:){15}[0-9a-f]{2}))\b"), hints=("md5:",)),
    # The lookbehind follows the literal, because a search for a literal is faster.
    Rule(
        "a storage account key",
        re.compile(r"==(?<=(?<![A-Za-z0-9+/])(?P<value>[A-Za-z0-9+/]{86}==))"),
        hints=("==",),
        placeholder=placeholders.key,
        is_distinct=True,
        spreads=True,
    ),
    Rule("a token", identities.web_tokens, hints=("eyj",), is_distinct=True, spreads=True),
    Rule(
        "a SAS signature",
        re.compile(r"[sS](?i:ig)=(?<![A-Za-z0-9_](?i:sig)=)(?P<value>[^&\s\"'<>\\]+)"),
        hints=("sig=",),
        is_distinct=True,
    ),
    Rule(
        "an Authorization header",
        re.compile(r"\b(?i:Bearer|SharedKey(?:Lite)?) (?P<value>[A-Za-z0-9._~+/:=-]{16,})"),
        hints=("bearer ", "sharedkey"),
        is_distinct=True,
        spreads=True,
    ),
    Rule(
        "an Authorization header",
        re.compile(r"(?i:authorization\W{1,6}basic) (?P<value>[A-Za-z0-9+/=]{4,})"),
        hints=("basic ",),
        spreads=True,
    ),
    Rule(
        "a password in a URL",
        re.compile(r"://[^/\s:@\"'<>]*:(?P<value>[^/\s@\"'<>]+)@"),
        hints=("@",),
        spreads=True,
    ),
    Rule("a secret field", secret_fields.named_values, hints=secret_fields.HINTS, is_distinct=True, spreads=True),
    Rule("a secret field", secret_fields.multipart_values, hints=secret_fields.HINTS, spreads=True),
    Rule("a secret field", secret_fields.values_beside_names, hints=secret_fields.HINTS, spreads=True),
    Rule("a secret field", secret_fields.values_in_secret_lists, hints=("secrets",), spreads=True),
    Rule(  # of a datastore, with its private key
        "a secret field",
        re.compile(r'"(?i:certificate)"\s*+:\s*+"(?P<value>[A-Za-z0-9+/]{40,}={0,2})"'),
        hints=("certificate",),
        spreads=True,
    ),
    Rule("a secret field", secret_fields.delegation_key_values, hints=("userdelegationkey",), spreads=True),
    Rule(
        "a subscription, tenant or identity",
        identities.directory_ids,
        hints=("subscription", "tenant", "client", "principal", "object", "app", "login.", "sts."),
        placeholder=placeholders.guid,
        spreads=True,
    ),
    Rule("an e-mail address", identities.email_addresses, hints=("@",), placeholder=placeholders.address),
    Rule(
        "a storage account's name",
        identities.storage_accounts,
        hints=(".core.", ".storage.", "storageaccounts", "account"),
        placeholder=placeholders.account,
        is_accepted=placeholders.is_placeholder_account,
        is_name=True,
    ),
    Rule(
        "the path of an interpreter",  # in the log of a job
        re.compile(r"\binterpreter: (?P<value>/[^\s\"'<>\\]+)"),
        hints=("interpreter: /",),
        placeholder=placeholders.interpreter,
        is_accepted=placeholders.is_placeholder_interpreter,
        is_name=True,
    ),
)

DISTINCT_RULES = tuple(rule for rule in RULES if rule.is_distinct)
_HINTS = frozenset(hint for rule in RULES for hint in rule.hints)


def likely_rules(text: str, rules: tuple[Rule, ...] = RULES) -> list[Rule]:
    """The rules whose hints occur in a text; the others cannot match."""
    lowered = text.lower()
    hints = {hint for hint in _HINTS if hint in lowered}
    return [rule for rule in rules if not hints.isdisjoint(rule.hints)]


_SECRET_HEADER = re.compile(r"authorization|cookie|signature|^x-auth|^apikey$", re.IGNORECASE)


def is_secret_header(name: str) -> bool:
    """Whether the entire value of a header is secret, according to its name."""
    return is_secret_name(name) or _SECRET_HEADER.search(name) is not None
