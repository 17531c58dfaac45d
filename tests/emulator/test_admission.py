"""Which connections are accepted, and which are closed to make room."""

import pytest

from harness.emulator.admission import Activity, Admission, ConnectionSlot


class Connections:
    """An admission, and the names of the connections that it closed."""

    def __init__(self, unauthenticated: int = 3, authenticated: int = 3, unauthenticated_bytes: int = 100) -> None:
        self.admission = Admission(
            unauthenticated, authenticated_limit=authenticated, unauthenticated_bytes=unauthenticated_bytes
        )
        self.closed: list[str] = []

    def enter(self, name: str, activity: Activity = Activity.SILENT, peer: str = "127.0.0.1") -> ConnectionSlot:
        slot = self.admission.enter(peer, lambda: self.closed.append(name))
        assert slot is not None
        slot.activity = lambda: activity
        return slot


@pytest.fixture
def connections() -> Connections:
    return Connections()


def test_the_new_connection_that_was_silent_for_longest_makes_room(connections: Connections) -> None:
    first = connections.enter("first")
    connections.enter("second")
    connections.enter("third")
    first.touch()
    connections.enter("fourth")

    assert connections.closed == ["second"]


def test_those_without_a_whole_request_make_room_before_those_that_were_answered(connections: Connections) -> None:
    connections.enter("idle", Activity.IDLE)
    connections.enter("receiving", Activity.RECEIVING)
    connections.enter("silent")
    connections.enter("next")
    connections.enter("after that")

    assert connections.closed == ["silent", "next"]


def test_a_connection_that_is_being_answered_is_never_closed(connections: Connections) -> None:
    for name in ("first", "second", "third"):
        connections.enter(name, Activity.WORKING)

    assert connections.admission.enter("127.0.0.1", lambda: None) is None
    assert connections.closed == []


def test_newcomers_do_not_displace_those_with_credentials(connections: Connections) -> None:
    authenticated = connections.enter("known", Activity.IDLE)
    authenticated.mark_authenticated()
    for number in range(10):
        connections.enter(str(number))

    assert "known" not in connections.closed
    assert len(connections.closed) == 7


def test_those_with_credentials_have_a_limit_of_their_own(connections: Connections) -> None:
    for number in range(5):
        connections.enter(str(number), Activity.IDLE).mark_authenticated()

    assert connections.closed == ["0", "1"]


def test_one_address_does_not_displace_another(connections: Connections) -> None:
    connections.enter("honest", peer="127.0.0.2")
    for number in range(10):
        connections.enter(str(number))

    assert "honest" not in connections.closed


def test_who_holds_most_without_credentials_is_closed_when_it_becomes_too_much() -> None:
    connections = Connections(unauthenticated=10)
    connections.enter("small").hold(10)
    large = connections.enter("large")
    large.hold(60)
    connections.enter("middle").hold(40)

    assert connections.closed == ["large"]
    large.hold(60)  # it may still report bytes until it has ended
    connections.enter("another").hold(40)
    assert connections.closed == ["large"]


def test_what_came_before_valid_credentials_does_not_count_any_more() -> None:
    connections = Connections(unauthenticated=10)
    authenticated = connections.enter("known")
    authenticated.hold(90)
    authenticated.mark_authenticated()
    connections.enter("next").hold(90)

    assert connections.closed == []


def test_a_place_is_free_again_after_a_connection_has_ended(connections: Connections) -> None:
    slots = [connections.enter(str(number)) for number in range(3)]
    slots[0].leave()
    connections.enter("next")

    assert connections.closed == []


def test_a_limit_of_one_still_admits_the_next() -> None:
    connections = Connections(unauthenticated=1)
    connections.enter("first")
    connections.enter("second").leave()
    connections.enter("third")

    assert connections.closed == ["first"]


def test_room_is_made_at_the_peer_that_has_most(connections: Connections) -> None:
    connections.enter("alone", peer="127.0.0.2")
    connections.enter("known", Activity.IDLE).mark_authenticated()
    connections.enter("newcomer")
    connections.admission.make_room()
    connections.admission.make_room()

    assert connections.closed == ["newcomer", "alone"]
