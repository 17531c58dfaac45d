"""Security descriptors: SDDL and binary forms are equivalent, and every input is either read or refused."""

import base64
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.emulator.providers.files import sddl, security_descriptor
from harness.emulator.providers.files.security_descriptor import Ace, Acl, SecurityDescriptor

# A descriptor that Azure Files received and returned in the tests of Microsoft's SDKs for Python and Go.
SDDL = (
    "O:S-1-5-21-2127521184-1604012920-1887927527-21560751G:S-1-5-21-2127521184-1604012920-1887927527-513"
    "D:AI(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x1200a9;;;S-1-5-21-397955417-626881126-188441444-3053964)"
)
BINARY = (
    "AQAUhGwAAACIAAAAAAAAABQAAAACAFgAAwAAAAAAFAD/AR8AAQEAAAAAAAUSAAAAAAAYAP8BHwABAgAAAAAABSAAAAAgAgAAAAAkAKkAEgABBQAA"
    "AAAABRUAAABZUbgXZnJdJWRjOwuMmS4AAQUAAAAAAAUVAAAAoGXPfnhLm1/nfIdwr/1IAQEFAAAAAAAFFQAAAKBlz354S5tf53yHcAECAAA="
)

numbers = st.integers(0, (1 << 32) - 1)
sids = st.builds(
    lambda authority, parts: "-".join(["S-1", str(authority), *map(str, parts)]),
    numbers,
    st.lists(numbers, min_size=1, max_size=15),
) | st.sampled_from(["S-1-5-18", "S-1-5-32-544", "S-1-1-0", "S-1-0x0123456789AB-7"])
plain_entries = st.builds(
    Ace, st.sampled_from([0, 1, 2, 3, 0x11, 0x13]), st.sampled_from([0, 1, 3, 0xB, 0x13, 0xC0]), numbers, sids
)
guids = st.just("") | st.uuids().map(str)
object_entries = st.builds(Ace, st.sampled_from([5, 6, 7, 8]), st.just(0), numbers, sids, guids, guids)
lists = st.builds(
    Acl,
    st.none() | st.lists(plain_entries | object_entries, max_size=5).map(tuple),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
descriptors = st.builds(SecurityDescriptor, sids, sids, lists, lists)


def test_what_azure_was_sent_comes_back_as_azure_gave_it() -> None:
    descriptor = sddl.from_sddl(SDDL)

    assert sddl.to_sddl(descriptor) == f"{SDDL}S:NO_ACCESS_CONTROL"
    assert base64.b64encode(security_descriptor.to_binary(descriptor)).decode() == BINARY
    assert sddl.to_sddl(security_descriptor.from_binary(base64.b64decode(BINARY))) == f"{SDDL}S:NO_ACCESS_CONTROL"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        pytest.param(
            "O:S-1-5-32-548G:S-1-5-21-397955417-626881126-188441444-512D:(A;;RPWPCCDCLCSWRCWDWOGA;;;S-1-0-0)",
            "O:AOG:S-1-5-21-397955417-626881126-188441444-512D:(A;;CCDCLCSWRPWPRCWDWOGA;;;S-1-0-0)S:NO_ACCESS_CONTROL",
            id="names and rights",
        ),
        pytest.param("o:syg:s-1-5-18d:(a;oici;fa;;;wd)", "O:SYG:SYD:(A;OICI;FA;;;WD)S:NO_ACCESS_CONTROL", id="case"),
        pytest.param("D:PAIO:SYG:SY", "O:SYG:SYD:PAIS:NO_ACCESS_CONTROL", id="order"),
        pytest.param("O:SYG:SYD:NO_ACCESS_CONTROLS:", "O:SYG:SYD:NO_ACCESS_CONTROLS:", id="null and empty lists"),
        pytest.param("O:SYG:SYD:(A;;2032127;;;SY)", "O:SYG:SYD:(A;;FA;;;SY)S:NO_ACCESS_CONTROL", id="decimal"),
        pytest.param("O:SYG:SYD:(A;;0x1F01FF;;;SY)", "O:SYG:SYD:(A;;FA;;;SY)S:NO_ACCESS_CONTROL", id="hexadecimal"),
        pytest.param("O:SYG:SYD:(A;;017;;;SY)", "O:SYG:SYD:(A;;CCDCLCSW;;;SY)S:NO_ACCESS_CONTROL", id="octal"),
        pytest.param("O:SYG:SYD:S:(ML;;NW;;;HI)", "O:SYG:SYD:S:(ML;;NW;;;HI)", id="mandatory label"),
    ],
)
def test_sddl_is_normalised(text: str, normal: str) -> None:
    assert sddl.to_sddl(sddl.from_sddl(text)) == normal
    assert sddl.to_sddl(sddl.from_sddl(normal)) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "O:SY",
        "O:SYG:SY",  # without a discretionary list
        "G:SYD:",
        "O:SYO:SYG:SYD:",
        "O:DAG:SYD:",  # the administrators of which domain?
        "O:SYG:SYD:(A;;FA;;;XX)",
        "O:SYG:SYD:(A;;QQ;;;SY)",
        "O:SYG:SYD:(A;;F;;;SY)",
        "O:SYG:SYD:(A;;0x1ffffffff;;;SY)",
        "O:SYG:SYD:(A;;FA;;;SY",
        "O:SYG:SYD:(A;;FA;;;SY)junk",
        "O:SYG:SYD:(A;;(A;;FA;;;SY)",
        "O:SYG:SYD:junk(A;;FA;;;SY)",
        "O:SYG:SYD:(A;;FA;;SY)",
        "O:SYG:SYD:(ZZ;;FA;;;SY)",
        "O:SYG:SYD:(A;;FA;01234567-89ab-cdef-0123-456789abcdef;;SY)",
        "O:SYG:SYD::",
        "O:SYG:SYD:(A;;FA;;;S-1-5-4294967296)",
        "O:SYG:SYD:(A;;FA;;;S-1)",
        f"O:SYG:SYD:{'(A;;FA;;;SY)' * 4000}",  # larger than a list can be
    ],
)
def test_what_is_no_descriptor_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says, the service says FileInvalidPermission
        sddl.from_sddl(text)


@given(descriptors)
def test_every_descriptor_survives_its_binary_form(descriptor: SecurityDescriptor) -> None:
    assert security_descriptor.from_binary(security_descriptor.to_binary(descriptor)) == descriptor


@given(descriptors)
def test_every_descriptor_survives_sddl(descriptor: SecurityDescriptor) -> None:
    binary = security_descriptor.to_binary(descriptor)
    written = sddl.to_sddl(descriptor)

    assert sddl.to_sddl(sddl.from_sddl(written)) == written
    if all(acl is None or acl.entries is not None for acl in (descriptor.dacl, descriptor.system)):
        assert security_descriptor.to_binary(sddl.from_sddl(written)) == binary


@given(st.binary(max_size=200))
@example(base64.b64decode(BINARY)[:-1])
@example(base64.b64decode(BINARY)[:20] + b"\xff" * 80)
def test_bytes_are_a_descriptor_or_refused(body: bytes) -> None:
    try:
        descriptor = security_descriptor.from_binary(body)
    except ValueError:
        return
    again = security_descriptor.from_binary(security_descriptor.to_binary(descriptor))
    assert again.dacl == descriptor.dacl


def test_an_entry_of_an_unknown_type_is_kept_in_binary_and_has_no_sddl() -> None:
    body = struct.pack("<BBHI", 9, 0, 24, 1) + b"conditional data"
    acl = struct.pack("<BBHHH", 2, 0, 8 + len(body), 1, 0) + body
    system = bytes([1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0])
    owner, group = 20 + len(acl), 20 + len(acl) + len(system)
    binary = struct.pack("<BBHIIII", 1, 0, 0x8014, owner, group, 0, 20) + acl + system + system
    descriptor = security_descriptor.from_binary(binary)

    assert security_descriptor.to_binary(descriptor) == binary
    with pytest.raises(sddl.CustomAceError):
        sddl.to_sddl(descriptor)
