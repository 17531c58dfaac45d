"""Which namespaces a subscription has registered, and the operations that register them."""

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
_DURATION = 60.0  # seconds that a registration takes at a pace of 1: an estimate, no recording shows it


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
        """Why a call to a namespace is refused; the first write to a namespace registers it."""
        if (known := namespace(name)) is None:
            return errors.unknown_namespace(name)
        state = self._find(subscription, known).state
        if state == "Unused" and request.method not in ("GET", "HEAD"):
            self._store.put(registration_key(subscription, known), Registration(known, "Registered"))
        return errors.not_registered(known) if state == "NotRegistered" else None

    def _list(self, request: Request) -> Response:
        subscription = request.params["subscription"]
        found = [self._find(subscription, name).wire(subscription) for name in NAMESPACES]
        return json_response(200, {"value": found})

    def _get(self, request: Request) -> Response:
        subscription, name = request.params["subscription"], request.params["namespace"]
        if (known := namespace(name)) is None:
            return errors.unknown_namespace(name)
        return json_response(200, self._find(subscription, known).wire(subscription))

    def _register(self, request: Request) -> Response:
        until = self._clock.now() + timedelta(seconds=_DURATION * self._pace)
        reached = ("Registered", "Registering")
        return self._move(request, reached, to=lambda name: Registration(name, "Registering", until))

    def _unregister(self, request: Request) -> Response:
        return self._move(request, ("NotRegistered",), to=lambda name: Registration(name, "NotRegistered"))

    def _move(self, request: Request, reached: Collection[str], to: Callable[[str], Registration]) -> Response:
        subscription, name = request.params["subscription"], request.params["namespace"]
        if (known := namespace(name)) is None:
            return errors.unknown_namespace(name)
        registration = self._find(subscription, known)
        if registration.state not in reached:
            registration = to(known)
            self._store.put(registration_key(subscription, known), registration)
        return json_response(200, registration.wire(subscription))

    def _find(self, subscription: str, known: str) -> Registration:
        default = "Registered" if known in ALWAYS_REGISTERED else "Unused"
        found = self._store.get(Registration, registration_key(subscription, known)) or Registration(known, default)
        return found.at(self._clock.now())
