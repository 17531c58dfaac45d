import asyncio
import hashlib
from pathlib import Path

import pytest

from harness.compute.ray.planning import NodeFacts

pytest.importorskip("ray")


def test_a_machine_sees_a_file_if_it_has_that_content_under_that_path(tmp_path: Path) -> None:
    from harness.compute.ray.agent import NodeAgent

    agent, marker = NodeAgent(), tmp_path / "placement.json"
    marker.write_bytes(b"random")

    async def sees(path: Path, content: bytes) -> bool:
        return await agent.sees(str(path), hashlib.sha256(content).hexdigest())

    assert asyncio.run(sees(marker, b"random"))
    assert not asyncio.run(sees(marker, b"another emulator's"))
    assert not asyncio.run(sees(tmp_path / "nowhere", b"random"))


def test_files_of_a_job_that_is_not_staged_are_refused(tmp_path: Path) -> None:
    from harness.compute.ray.agent import NodeAgent

    with pytest.raises(FileNotFoundError, match="are not staged on"):
        asyncio.run(NodeAgent().files(str(tmp_path), "known"))


def test_the_interface_of_an_address() -> None:
    from harness.compute.ray.node_programs import find_interface

    assert find_interface("127.0.0.4") == "lo"
    assert find_interface("203.0.113.9") == NodeFacts("").interface == ""
