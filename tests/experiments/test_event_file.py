"""TensorBoard's event files: as its own writer and tensorboardX make them, and damaged."""

import base64
import math
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiments.event_file import scalar_points, tags_in

# tensorboardX 2.6.5: train/loss 0.5 at step 1, 0.25 at 2, nan at 5; acc 1.0 at 5.
BY_TENSORBOARDX = base64.b64decode(
    "GAAAAAAAAACjf0siCb0uRQ8Ww9pBGg1icmFpbi5FdmVudDoytaVp7iAAAAAAAAAAKe2pUAl9D0YPFsPaQRABKhMKEQoKdHJhaW4v"
    "bG9zcxUAAAA/CJDj3yAAAAAAAAAAKe2pUAnbFUYPFsPaQRACKhMKEQoKdHJhaW4vbG9zcxUAAIA+oaJmgyAAAAAAAAAAKe2pUAkx"
    "GUYPFsPaQRAFKhMKEQoKdHJhaW4vbG9zcxUAAMB/IT0RDhkAAAAAAAAAi/EIKAnlGUYPFsPaQRAFKgwKCgoDYWNjFQAAgD9To4uf"
)
# tensorboard 2.21.0, scalars as tensors, as TensorFlow 2 writes them: train/loss 2.0 at step 0, 1.5 at -1.
BY_TENSORBOARD = base64.b64decode(
    "SAAAAAAAAAD+kkidCZLJUQ8Ww9pBGg1icmFpbi5FdmVudDoyUi4KLHRlbnNvcmJvYXJkLnN1bW1hcnkud3JpdGVyLmV2ZW50X2Zp"
    "bGVfd3JpdGVyCE6urDAAAAAAAAAAlfXQXwkAAAAAAADwPyolCiMKCnRyYWluL2xvc3NCCAgBIgQAAABASgsKCQoHc2NhbGFyc9GR"
    "zW07AAAAAAAAABojrFwJAAAAAAAA8D8Q////////////ASolCiMKCnRyYWluL2xvc3NCCAgBKgQAAMA/SgsKCQoHc2NhbGFyczLO"
    "CfE="
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.out.tfevents.1"


def test_scalars_are_read_with_their_steps(path: Path) -> None:
    path.write_bytes(BY_TENSORBOARDX)
    *points, last = scalar_points(path, "train/loss")
    assert points == [(0.5, 1), (0.25, 2)]
    assert (math.isnan(last.value), last.step) == (True, 5)
    assert list(scalar_points(path, "acc")) == [(1.0, 5)]


def test_scalars_in_tensors_are_read_too(path: Path) -> None:
    path.write_bytes(BY_TENSORBOARD)
    assert list(scalar_points(path, "train/loss")) == [(2.0, 0), (1.5, -1)]


def test_tags_are_listed(path: Path) -> None:
    path.write_bytes(BY_TENSORBOARDX)
    assert tags_in(path, 10) == ["train/loss", "acc"]
    assert tags_in(path, 1) == ["train/loss"]


@pytest.mark.parametrize("size", range(0, len(BY_TENSORBOARDX), 7))
def test_a_file_that_is_still_written_is_read_as_far_as_it_goes(path: Path, size: int) -> None:
    path.write_bytes(BY_TENSORBOARDX[:size])
    values = [point.value for point in scalar_points(path, "train/loss")]
    assert values == [0.5, 0.25][: len(values)] or math.isnan(values[-1])


@given(st.data())
def test_whatever_is_in_a_file_is_read_or_passed_over(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(data.draw(st.sampled_from([BY_TENSORBOARD, BY_TENSORBOARDX])))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("tb") / "events"
    path.write_bytes(bytes(content) + data.draw(st.binary(max_size=40)))
    for point in scalar_points(path, "train/loss"):
        assert isinstance(point.value, float)
    tags_in(path, 10)


def record(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + bytes(4) + content + bytes(4)


def field(number: int, content: bytes) -> bytes:
    size, words = len(content), bytearray([number << 3 | 2])
    while size >= 0x80:
        words.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*words, size]) + content


def test_a_record_of_too_many_fields_costs_nothing(path: Path) -> None:
    path.write_bytes(record(b"\x10\x01" * (4 << 20) + b"train/loss") + BY_TENSORBOARDX)
    assert [point.step for point in scalar_points(path, "train/loss")] == [1, 2, 5]


def test_a_file_of_too_many_fields_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.experiments.event_file._MOST_FIELDS", 1000)
    values = field(1, b"\x10\x01") * 2000
    path.write_bytes(record(b"") * 10 + record(field(5, field(1, field(1, b"train/loss")) + values)))
    with pytest.raises(OSError, match="it has more than 1,000 fields"):
        list(scalar_points(path, "train/loss"))
    assert tags_in(path, 10) == ["train/loss"]


def test_of_a_long_tag_the_beginning_is_shown(path: Path) -> None:
    path.write_bytes(record(field(5, field(1, field(1, b"a" * 100_000)))))
    assert tags_in(path, 10) == ["a" * 100]
