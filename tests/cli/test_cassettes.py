import base64
import gzip
import pydoc
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.recording.cassette import save_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse


def story(uri: str = "https://management.azure.com/", body: str = "") -> Interaction:
    return Interaction(RecordedRequest("GET", uri), RecordedResponse(200, "OK", {}, body.encode()))


@pytest.fixture
def cassette(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_cassette(Path("cassettes/mine/a.yaml"), [story(body="{}"), story(body="harmless")], {"cloud": "emulator"})
    return Path("cassettes/mine/a.yaml")


def replaced(cassette: Path, old: str, new: str) -> int:
    """Put something else into a file; the line on which it stands."""
    text = cassette.read_text()
    cassette.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


def test_check_is_content_with_what_was_recorded(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cassettes", "check"]) == 0
    assert capsys.readouterr().out == "1 cassette, 0 findings\n"


def test_check_finds_file_and_line(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = replaced(cassette, "harmless", "https://a/b?sig=abcdef")

    assert main(["cassettes", "check"]) == 1
    assert f"{cassette}:{line}: looks like a SAS signature in the answer's body\n" in capsys.readouterr().out


def test_check_shows_no_secret(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replaced(cassette, "harmless", "password=hunter2222")

    assert main(["cassettes", "check", str(cassette)]) == 1
    assert "hunter2222" not in capsys.readouterr().out


def test_check_knows_the_secrets_of_the_settings(
    cassette: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_STORAGE_KEY", "just-some-words")
    line = replaced(cassette, "harmless", "just-some-words")

    assert main(["cassettes", "check"]) == 1
    assert f"{cassette}:{line}: looks like a value that the settings know as secret" in capsys.readouterr().out


def test_check_looks_into_packed_bodies(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = base64.b64encode(gzip.compress(b'{"password": "hunter22"}')).decode()
    cassette.write_text(
        "version: 1\ninteractions:\n- request: {method: GET, uri: 'https://a/', body: null, headers: {}}\n"
        "  response:\n    status: {code: 200, message: OK}\n    headers: {Content-Encoding: [gzip]}\n"
        f"    body: {{string: !!binary {body}}}\n"
    )

    assert main(["cassettes", "check"]) == 1
    assert "looks like a secret field in the answer's body" in capsys.readouterr().out


def test_check_of_what_is_not_there_is_a_mistake(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cassettes", "check", "nowhere"]) == 2
    assert "there is no file or directory nowhere" in capsys.readouterr().err


def test_show_prints_where_a_cassette_comes_from(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cassettes", "show", str(cassette)]) == 0
    out = capsys.readouterr().out
    assert "cloud: emulator\n2 interactions, 2 requests\n" in out
    assert "    1  200            2  GET https://management.azure.com/\n" in out


def test_show_prints_bodies_when_asked_to(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["cassettes", "show", str(cassette)])
    assert "harmless" not in capsys.readouterr().out

    main(["cassettes", "show", "--bodies", str(cassette)])
    assert "< harmless\n" in capsys.readouterr().out


def test_show_pages_on_a_terminal_what_does_not_fit_it(
    cassette: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paged: list[str] = []
    monkeypatch.setattr(pydoc, "pager", paged.append)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("LINES", "3")

    main(["cassettes", "show", str(cassette)])
    assert "GET https://management.azure.com/" in paged[0]


def test_show_of_no_cassette_says_how_to_make_one(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cassettes", "show", "nowhere.yaml"]) == 2
    assert "there is no cassette nowhere.yaml; write it with: pytest" in capsys.readouterr().err
