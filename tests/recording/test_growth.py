"""The time of scrubbing grows linearly with the length of a text, whatever the text contains.

The tests compare the time of a text with that of a similar text that is sixteen times as long. A linear search takes
sixteen times as long; a search that restarts at each position takes 256 times as long.

HARNESS_TEST_DOSE=full pytest tests/recording/test_growth.py    # many more combinations
"""

import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.recording.scrub import Scrubber
from harness.recording.secrets import find_secrets, secrets_of_body

FULL = os.environ.get("HARNESS_TEST_DOSE") == "full"
SHORT, TIMES = 1_500, 16
TOO_MUCH = 64  # times the time of the short text: four times linear growth, a quarter of quadratic growth

# Texts with which patterns begin and end, and which they repeat.
FRAGMENTS = [
    "password", "key", "token", "secret-value", "account_key", "<Key>", "<key", "</", "<", "name=", '"name":"',
    '"name"', '"value":"', '"value"', '"secrets":[', "]", "[", '"', "'", "\\", '\\"', "\\n", "\n", "\r\n", "\r\n\r\n",
    "\n--", " ",
    "\t", "=", "==", ":", "=>", ': "', "='", "--", "-", "eyJ", "eyJhbGciOi", ".", "@", "%40", "%", "%41", "%25", "&",
    "&amp;",
    "&#65;", "sig=", "?sig=", "Bearer ", "SharedKey ",
    "authorization: basic ", "://", "://a:", "ssh-rsa ",
    "AAAA", "-----BEGIN ", "PRIVATE KEY-----", "-----END ", "SHA256:", "MD5:", "ab:", "/subscriptions/", "login.", "id",
    "client_id", "00000001-0000-0000-0000-000000000001", ".file.core.windows.net", "storageAccounts/", "accountName=",
    "<UserDelegationKey>", "<Value>", "\0", "a\0", "\0a", "\\u0061", "\\x61", "\\ud83d\\ude00", "A" * 86 + "==",
    "A" * 76 + "\n", "61", "6162636465666768", "61 ", "_", "\udc80", "é", "İ", "{", "}", ",", "x" * 50, "H4sIAAAAAAAA",
    "a.example.com", "cGFzc3dvcmQ9aHVudGVyMjI=", "a-value-of-the-settings", "YS12YWx1ZS1vZi10aGUtc2V0dGluZ3M=",
]  # fmt: skip


# Texts that start a search, which must not repeatedly run to the end, and texts that it skips.
OPENERS = [
    "<Key>", 'password: "', "password=", '"secrets":[', '"secrets":["', "name=password\r\n",
    "\n--name=password\r\n\r\n",
    "://", "<UserDelegationKey>", "-----BEGIN PRIVATE KEY-----", "a@", "login.", "eyJ", '"name":"', "--",
]  # fmt: skip
SKIPPED = [" ", "\n", "a", "a.", "\\", '\\"', "=", "<", "eyJ", "A" * 40 + "\n"]


def seconds(text: str) -> float:
    """The seconds of this thread for all searches in a text; other processes hardly influence them."""
    scrubber = Scrubber({"a-value-of-the-settings": "placeholder"})
    begin = time.thread_time()
    scrubber.text(text)
    list(find_secrets(text, scrubber.secret_values))
    body = b"\xff" + text.encode("utf-8", "surrogateescape")
    scrubber.body(body)
    list(secrets_of_body(body, scrubber.secret_values))
    return time.thread_time() - begin


def grows_in_proportion(begin: str, unit: str, end: str) -> bool:
    short, long = (f"{begin}{unit * (size // len(unit))}{end}" for size in (SHORT, SHORT * TIMES))
    return any(seconds(long) < TOO_MUCH * seconds(short) for _ in range(5))


@pytest.mark.parametrize("unit", FRAGMENTS, ids=range(len(FRAGMENTS)))
def test_a_text_of_one_fragment_costs_time_in_proportion(unit: str) -> None:
    assert grows_in_proportion("", unit, "")


@pytest.mark.parametrize("skipped", SKIPPED, ids=range(len(SKIPPED)))
@pytest.mark.parametrize("opener", OPENERS, ids=range(len(OPENERS)))
def test_a_search_that_finds_no_end_costs_time_in_proportion(opener: str, skipped: str) -> None:
    assert grows_in_proportion(opener, skipped, "")
    assert grows_in_proportion("", opener + skipped * 3, "")


@settings(max_examples=1000 if FULL else 20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["", *FRAGMENTS]),
    st.lists(st.sampled_from(FRAGMENTS), min_size=2, max_size=4).map("".join),
    st.sampled_from(["", *FRAGMENTS]),
)
def test_any_mixture_of_fragments_costs_time_in_proportion(begin: str, unit: str, end: str) -> None:
    assert grows_in_proportion(begin, unit, end)


@pytest.mark.parametrize("count", [1, 50, 5_000])
def test_more_secrets_cost_no_more_time_for_each_character(count: int) -> None:
    secrets = [f"password{number}-of-many" for number in range(count)]
    scrubber = Scrubber({}, dict.fromkeys(secrets, "placeholder"))
    short, long = (f"{secrets[0]} and {secrets[-1]} " * size for size in (100, 100 * TIMES))

    def duration(text: str) -> float:
        begin = time.thread_time()
        scrubber.text(text)
        return time.thread_time() - begin

    duration(short)
    assert any(duration(long) < TOO_MUCH * duration(short) for _ in range(5))
