"""The registrations of namespaces in a subscription, and the operations that change them."""

from collections.abc import Callable, Collection
from datetime import timedelta

from harness.clock import Clock
from harness.emulator.context import Request, Response
from harness.emulator.providers.arm import errors
from harness.emulator.providers.arm.model import Registration, registration_key
from harness.emulator.providers.arm.rules import ALWAYS_REGISTERED, NAMESPACES, namespace
from harness.emulator.routing import Route
from harness.emulator.store import Store
from harness.emulator.wire import json_response

_PROVIDERS = "/subscriptions/{subscription}/providers"
_DURATION = 60.0  # seconds of a registration at a pace of 1; an estimate, because no recording shows it


class Registrations:
    """The registrations of a subscription.

    Args:
        pace: speed of registrations: 1 is Azure's own timing, 0 is as fast as possible.
    """

    def __init__(self, store: Store, clock: Clock, pace: float) -> None:
        self._store = store
        self._clock = clock
        self._pace = pace

    @property
    def routes(self) -> tuple[Route, ...]:
        """The operations on registrations."""
        provider = _PROVIDERS + "/{namespace}"
        return (
            Route("GET", _PROVIDERS, "Providers_List", self._list),
            Route("GET", provider, "Providers_Get", self._get),
            Route("POST", provider + "/register", "Providers_Register", self._register),
            Route("POST", provider + "/unregister", "Providers_Unregister", self._unregister),
        )

    def refusal(self, request: Request, subscription: str, name: str) -> Response | None:
        """The error response to a request to a namespace, or None; the first write to a namespace registers it."""
        if (provider := namespace(name)) is None:
            return errors.unknown_namespace(name)
        state = self._find(subscription, provider).state
        if state == "Unused" and request.method not in ("GET", "HEAD"):
            self._store.put(registration_key(subscription, provider), Registration(provider, "Registered"))
        return errors.not_registered(provider) if state == "NotRegistered" else None

    def _list(self, request: Request) -> Response:
        subscription = request.params["subscription"]
        registrations = [self._find(subscription, name).wire(subscription) for name in NAMESPACES]
        return json_response(200, {"value": registrations})

    def _get(self, request: Request) -> Response:
        subscription, name = request.params["subscription"], request.params["namespace"]
        if (provider := namespace(name)) is None:
            return errors.unknown_namespace(name)
        return json_response(200, self._find(subscription, provider).wire(subscription))

    def _register(self, request: Request) -> Response:
        until = self._clock.now() + timedelta(seconds=_DURATION * self._pace)
        unchanged = ("Registered", "Registering")
        return self._set_state(request, unchanged, create=lambda name: Registration(name, "Registering", until))

    def _unregister(self, request: Request) -> Response:
        return self._set_state(request, ("NotRegistered",), create=lambda name: Registration(name, "NotRegistered"))

    def _set_state(
        self, request: Request, unchanged: Collection[str], create: Callable[[str], Registration]
    ) -> Response:
        subscription, name = request.params["subscription"], request.params["namespace"]
        if (provider := namespace(name)) is None:
            return errors.unknown_namespace(name)
        registration = self._find(subscription, provider)
        if registration.state not in unchanged:
            registration = create(provider)
            self._store.put(registration_key(subscription, provider), registration)
        return json_response(200, registration.wire(subscription))

    def _find(self, subscription: str, provider: str) -> Registration:
        default = "Registered" if provider in ALWAYS_REGISTERED else "Unused"
        stored = self._store.get(Registration, registration_key(subscription, provider))
        return (stored or Registration(provider, default)).at(self._clock.now())
