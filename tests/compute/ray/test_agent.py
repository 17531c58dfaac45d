import asyncio
from pathlib import Path

import pytest

from harness.compute.ray.planning import NodeFacts

pytest.importorskip("ray")


def test_a_machine_that_does_not_see_the_data_directory_says_so(tmp_path: Path) -> None:
    from harness.compute.ray.agent import NodeAgent

    agent = NodeAgent()

    async def look() -> None:
        await agent.check_sees(str(tmp_path))
        with pytest.raises(OSError, match=r"does not see .*/nowhere; all machines of the Ray cluster have to see"):
            await agent.launch(str(tmp_path / "nowhere"), "", [], {})

    asyncio.run(look())


def test_the_interface_of_an_address() -> None:
    from harness.compute.ray.agent import interface_of

    assert interface_of("127.0.0.4") == "lo"
    assert interface_of("203.0.113.9") == NodeFacts("").interface == ""
