"""The fixture that blocks the network for a test."""

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_a_connection_in_an_offline_test_names_the_host(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_connects="""
        import socket

        def test_connects(offline):
            socket.create_connection(("example.invalid", 443))
        """
    )

    result = run("test_connects.py")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*a connection to example.invalid:443 was attempted during a replay*")
