"""Cross-origin resource sharing: what the rules of a service permit pages of other origins; pure.

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
    """One rule; ``allowed`` and ``exposed`` are names of headers, in lower case, or beginnings that end with a star."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    allowed: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: str

    def takes(self, origin: str, method: str) -> bool:
        """Whether a page of an origin may use a method."""
        return method in self.methods and any(_is_origin(origin, pattern) for pattern in self.origins)

    def takes_headers(self, names: Iterable[str]) -> bool:
        """Whether a page may send headers of some names."""
        return all(_is_named(name, self.allowed) for name in names)


@lru_cache(maxsize=256)
def rules(element: str) -> tuple[Rule, ...]:
    """The rules of an element ``Cors`` of the service's properties, which was checked when it was set."""
    try:
        found = fromstring(element).findall("CorsRule") if element else ()  # noqa: S314 - written by the emulator
    except ParseError:
        return ()
    return tuple(
        Rule(
            _words(each.findtext("AllowedOrigins")),
            _words(each.findtext("AllowedMethods")),
            tuple(word.lower() for word in _words(each.findtext("AllowedHeaders"))),
            tuple(word.lower() for word in _words(each.findtext("ExposedHeaders"))),
            (each.findtext("MaxAgeInSeconds") or "0").strip(),
        )
        for each in found
    )


def preflight(request: Request, found: tuple[Rule, ...]) -> Response:
    """The response to a preflight request.

    Raises:
        StorageError: no rule permits the request, or this is no preflight request.
    """
    origin, method = request.headers.get("origin", ""), request.headers.get("access-control-request-method", "")
    if not origin or not method:
        text = "A required CORS header is not present."
        raise StorageError(400, "InvalidHeaderValue", text)
    names = _words(request.headers.get("access-control-request-headers"))
    for rule in found:
        if rule.takes(origin, method) and rule.takes_headers(name.lower() for name in names):
            headers = [*_allowed(rule, origin), ("access-control-allow-methods", method)]
            if names:
                headers.append(("access-control-allow-headers", ",".join(names)))
            return Response(200, headers=[*headers, ("access-control-max-age", rule.max_age)])
    text = "CORS not enabled or no matching rule found for this request."
    raise StorageError(403, "CorsPreflightFailure", text)


def sharing_headers(request: Request, answer: Response, found: tuple[Rule, ...]) -> list[tuple[str, str]]:
    """The CORS headers of a response to a page of another origin."""
    origin = request.headers.get("origin", "")
    rule = next((each for each in found if each.takes(origin, request.method)), None) if origin else None
    if rule is None:
        return [("vary", "Origin")] if found and request.method in ("GET", "HEAD") else []
    headers = _allowed(rule, origin)
    if exposed := [name for name in dict(answer.headers) if _is_named(name.lower(), rule.exposed)]:
        headers.append(("access-control-expose-headers", ",".join(exposed)))
    return headers


def _allowed(rule: Rule, origin: str) -> list[tuple[str, str]]:
    if "*" in rule.origins:
        return [("access-control-allow-origin", "*")]
    return [
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
        ("vary", "Origin"),
    ]


def _is_origin(origin: str, pattern: str) -> bool:
    """Whether a rule matches an origin: by name, by ``*``, or as ``https://*.contoso.com`` every subdomain."""
    if pattern in ("*", origin):
        return True
    scheme, star, domain = pattern.partition("*.")
    return bool(star and domain) and origin.startswith(scheme) and origin.endswith(f".{domain}")


def _is_named(name: str, patterns: Iterable[str]) -> bool:
    return any(name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern for pattern in patterns)


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def is_rule(values: Mapping[str, str]) -> bool:
    """Whether the elements of a rule have values that a rule may have."""
    methods, age = _words(values.get("AllowedMethods")), values.get("MaxAgeInSeconds", "").strip()
    return (
        bool(_words(values.get("AllowedOrigins")))
        and bool(methods)
        and METHODS.issuperset(methods)
        and age.isascii()
        and age.isdigit()
        and len(age) <= 10
    )
