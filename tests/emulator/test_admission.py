"""Which connections are accepted, and which are closed to make room."""

import pytest

from harness.emulator.admission import Activity, Admission, ConnectionSlot


class Door:
    """An admission, and the names of the connections that it closed."""

    def __init__(self, newcomers: int = 3, proven: int = 3, unauthenticated_bytes: int = 100) -> None:
        self.admission = Admission(newcomers, authenticated_limit=proven, unauthenticated_bytes=unauthenticated_bytes)
        self.closed: list[str] = []

    def enter(self, name: str, activity: Activity = Activity.SILENT, peer: str = "127.0.0.1") -> ConnectionSlot:
        slot = self.admission.enter(peer, lambda: self.closed.append(name))
        assert slot is not None
        slot.activity = lambda: activity
        return slot


@pytest.fixture
def door() -> Door:
    return Door()


def test_the_newcomer_that_was_silent_for_longest_makes_room(door: Door) -> None:
    first = door.enter("first")
    door.enter("second")
    door.enter("third")
    first.touch()
    door.enter("fourth")

    assert door.closed == ["second"]


def test_those_without_a_whole_request_make_room_before_those_that_were_answered(door: Door) -> None:
    door.enter("idle", Activity.IDLE)
    door.enter("receiving", Activity.RECEIVING)
    door.enter("silent")
    door.enter("next")
    door.enter("after that")

    assert door.closed == ["silent", "next"]


def test_a_connection_that_is_being_answered_is_never_closed(door: Door) -> None:
    for name in ("first", "second", "third"):
        door.enter(name, Activity.WORKING)

    assert door.admission.enter("127.0.0.1", lambda: None) is None
    assert door.closed == []


def test_newcomers_do_not_displace_those_with_credentials(door: Door) -> None:
    proven = door.enter("known", Activity.IDLE)
    proven.mark_authenticated()
    for number in range(10):
        door.enter(str(number))

    assert "known" not in door.closed
    assert len(door.closed) == 7


def test_those_with_credentials_have_a_limit_of_their_own(door: Door) -> None:
    for number in range(5):
        door.enter(str(number), Activity.IDLE).mark_authenticated()

    assert door.closed == ["0", "1"]


def test_one_address_does_not_displace_another(door: Door) -> None:
    door.enter("honest", peer="127.0.0.2")
    for number in range(10):
        door.enter(str(number))

    assert "honest" not in door.closed


def test_who_holds_most_without_credentials_is_closed_when_it_becomes_too_much() -> None:
    door = Door(newcomers=10)
    door.enter("small").hold(10)
    large = door.enter("large")
    large.hold(60)
    door.enter("middle").hold(40)

    assert door.closed == ["large"]
    large.hold(60)  # it may still report bytes until it has ended
    door.enter("another").hold(40)
    assert door.closed == ["large"]


def test_what_came_before_valid_credentials_does_not_count_any_more() -> None:
    door = Door(newcomers=10)
    proven = door.enter("known")
    proven.hold(90)
    proven.mark_authenticated()
    door.enter("next").hold(90)

    assert door.closed == []


def test_a_place_is_free_again_after_a_connection_has_ended(door: Door) -> None:
    slots = [door.enter(str(number)) for number in range(3)]
    slots[0].leave()
    door.enter("next")

    assert door.closed == []


def test_a_limit_of_one_still_admits_the_next() -> None:
    door = Door(newcomers=1)
    door.enter("first")
    door.enter("second").leave()
    door.enter("third")

    assert door.closed == ["first"]


def test_room_is_made_at_the_peer_that_has_most(door: Door) -> None:
    door.enter("alone", peer="127.0.0.2")
    door.enter("known", Activity.IDLE).mark_authenticated()
    door.enter("newcomer")
    door.admission.make_room()
    door.admission.make_room()

    assert door.closed == ["newcomer", "alone"]
