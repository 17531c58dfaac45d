"""Cross-origin resource sharing: the rules of a service for pages of other origins; pure.

Source: Microsoft's "Cross-Origin Resource Sharing (CORS) support for Azure Storage".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from xml.etree.ElementTree import ParseError, fromstring

from harness.emulator.context import Request, Response
from harness.emulator.storage_service.errors import StorageError

METHODS = frozenset({"DELETE", "GET", "HEAD", "MERGE", "PATCH", "POST", "OPTIONS", "PUT"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; ``allowed`` and ``exposed`` are header names in lower case, or prefixes that end with a star."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    allowed: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: str

    def allows(self, origin: str, method: str) -> bool:
        """Whether a page of an origin may use a method."""
        return method in self.methods and any(_is_origin(origin, pattern) for pattern in self.origins)

    def allows_headers(self, names: Iterable[str]) -> bool:
        """Whether a page may send these headers."""
        return all(_is_named(name, self.allowed) for name in names)


@lru_cache(maxsize=256)
def parse_rules(element: str) -> tuple[Rule, ...]:
    """Parse the element ``Cors`` of the service's properties, which was validated when it was set."""
    try:
        elements = fromstring(element).findall("CorsRule") if element else ()  # noqa: S314 - written by the emulator
    except ParseError:
        return ()
    return tuple(
        Rule(
            _split(rule.findtext("AllowedOrigins")),
            _split(rule.findtext("AllowedMethods")),
            tuple(word.lower() for word in _split(rule.findtext("AllowedHeaders"))),
            tuple(word.lower() for word in _split(rule.findtext("ExposedHeaders"))),
            (rule.findtext("MaxAgeInSeconds") or "0").strip(),
        )
        for rule in elements
    )


def preflight(request: Request, rules: tuple[Rule, ...]) -> Response:
    """The response to a preflight request.

    Raises:
        StorageError: no rule permits the request, or it is not a preflight request.
    """
    origin, method = request.headers.get("origin", ""), request.headers.get("access-control-request-method", "")
    if not origin or not method:
        text = "A required CORS header is not present."
        raise StorageError(400, "InvalidHeaderValue", text)
    names = _split(request.headers.get("access-control-request-headers"))
    for rule in rules:
        if rule.allows(origin, method) and rule.allows_headers(name.lower() for name in names):
            headers = [*_origin_headers(rule, origin), ("access-control-allow-methods", method)]
            if names:
                headers.append(("access-control-allow-headers", ",".join(names)))
            return Response(200, headers=[*headers, ("access-control-max-age", rule.max_age)])
    text = "CORS not enabled or no matching rule found for this request."
    raise StorageError(403, "CorsPreflightFailure", text)


def response_headers(request: Request, response: Response, rules: tuple[Rule, ...]) -> list[tuple[str, str]]:
    """The CORS headers of a response to a page of another origin."""
    origin = request.headers.get("origin", "")
    rule = next((rule for rule in rules if rule.allows(origin, request.method)), None) if origin else None
    if rule is None:
        return [("vary", "Origin")] if rules and request.method in ("GET", "HEAD") else []
    headers = _origin_headers(rule, origin)
    if exposed := [name for name in dict(response.headers) if _is_named(name.lower(), rule.exposed)]:
        headers.append(("access-control-expose-headers", ",".join(exposed)))
    return headers


def _origin_headers(rule: Rule, origin: str) -> list[tuple[str, str]]:
    if "*" in rule.origins:
        return [("access-control-allow-origin", "*")]
    return [
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
        ("vary", "Origin"),
    ]


def _is_origin(origin: str, pattern: str) -> bool:
    """Whether a pattern matches an origin: the name, ``*``, or all subdomains as in ``https://*.contoso.com``."""
    if pattern in ("*", origin):
        return True
    scheme, star, domain = pattern.partition("*.")
    return bool(star and domain) and origin.startswith(scheme) and origin.endswith(f".{domain}")


def _is_named(name: str, patterns: Iterable[str]) -> bool:
    return any(name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern for pattern in patterns)


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def is_rule(values: Mapping[str, str]) -> bool:
    """Whether the elements of a rule have valid values."""
    methods, age = _split(values.get("AllowedMethods")), values.get("MaxAgeInSeconds", "").strip()
    return (
        bool(_split(values.get("AllowedOrigins")))
        and bool(methods)
        and METHODS.issuperset(methods)
        and age.isascii()
        and age.isdigit()
        and len(age) <= 10
    )
