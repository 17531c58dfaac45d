"""The search for a container engine, and the error if there is none."""

import socket
import threading
from pathlib import Path

import pytest

from harness.compute.container.engine_address import EngineError, check_engine, find_engine


@pytest.fixture
def listener(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, socket.socket]:
    """A Unix domain socket, whose path has to be short."""
    path = tmp_path_factory.mktemp("s") / "podman" / "podman.sock"
    path.parent.mkdir()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    return path, server


def test_the_variable_of_docker_wins() -> None:
    assert find_engine({"DOCKER_HOST": "unix:///run/mine.sock"}) == "unix:///run/mine.sock"


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:2375", "ssh://me@there", "npipe:////./pipe/docker_engine"])
def test_an_engine_that_does_not_see_our_files_is_refused(address: str) -> None:
    with pytest.raises(EngineError, match="jobs need an engine of this machine, which sees the same files"):
        find_engine({"DOCKER_HOST": address})


def test_the_socket_of_the_users_own_podman_is_found(listener: tuple[Path, socket.socket]) -> None:
    path, server = listener
    with server:
        assert find_engine({"XDG_RUNTIME_DIR": str(path.parents[1])}) == f"unix://{path}"


def test_what_answers_no_http_is_no_engine(listener: tuple[Path, socket.socket]) -> None:
    path, server = listener

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"SSH-2.0-OpenSSH\r\n")

    with server:
        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(EngineError, match=r"no container engine answers at unix://.*start Docker, or Podman"):
            check_engine(f"unix://{path}")
        thread.join()


def test_a_socket_that_does_not_exist_is_no_engine(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(EngineError, match="name its socket in DOCKER_HOST"):
        check_engine(f"unix://{tmp_path_factory.mktemp('s')}/nobody.sock")
