import base64
import gzip
import json
import pydoc
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.recording.cassette import save_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse


def interaction(uri: str = "https://management.azure.com/", body: str = "") -> Interaction:
    return Interaction(RecordedRequest("GET", uri), RecordedResponse(200, "OK", {}, body.encode()))


@pytest.fixture
def cassette(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_cassette(
        Path("cassettes/mine/a.json"), [interaction(body="{}"), interaction(body="harmless")], {"cloud": "emulator"}
    )
    return Path("cassettes/mine/a.json")


def replace(cassette: Path, old: str, new: str) -> int:
    """Replace a text in a file; returns its line."""
    text = cassette.read_text()
    cassette.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


def test_check_is_content_with_what_was_recorded(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cassettes", "check"]) == 0
    assert capsys.readouterr().out == "1 cassette, 0 findings\n"


def test_check_finds_file_and_line(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = replace(cassette, "harmless", "https://a/b?sig=abcdef")

    assert main(["cassettes", "check"]) == 1
    assert f"{cassette}:{line}: looks like a SAS signature in the response body\n" in capsys.readouterr().out


def test_check_shows_no_secret(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(cassette, "harmless", "password=hunter2222")

    assert main(["cassettes", "check", str(cassette)]) == 1
    assert "hunter2222" not in capsys.readouterr().out


def test_check_knows_the_secrets_of_the_settings(
    cassette: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_STORAGE_KEY", "just-some-words")
    line = replace(cassette, "harmless", "just-some-words")

    assert main(["cassettes", "check"]) == 1
    assert f"{cassette}:{line}: looks like a value that the settings know as secret" in capsys.readouterr().out


def test_check_looks_into_packed_bodies(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = base64.b64encode(gzip.compress(b'{"password": "hunter22"}')).decode()
    cassette.with_name("b.yaml").write_text(
        "version: 1\ninteractions:\n- request: {method: GET, uri: 'https://a/', body: null, headers: {}}\n"
        "  response:\n    status: {code: 200, message: OK}\n    headers: {Content-Encoding: [gzip]}\n"
        f"    body: {{string: !!binary {body}}}\n"
    )

    assert main(["cassettes", "check"]) == 1
    assert "looks like a secret field in the response body" in capsys.readouterr().out


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
    assert main(["cassettes", "show", "nowhere.json"]) == 2
    assert "there is no cassette nowhere.json; write it with: pytest" in capsys.readouterr().err


VCR = """\
interactions:
- request: {method: GET, uri: 'https://a/?sig=abcdef&x=1', body: null, headers: {Authorization: [Bearer abc]}}
  response:
    status: {code: 200, message: OK}
    headers: {Content-Type: [application/json]}
    body: {string: '{"a":1}'}
version: 1
"""


def test_convert_writes_a_cassette_of_ours_beside_the_old_one(
    cassette: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = cassette.with_name("old.yaml")
    old.write_text(VCR)

    assert main(["cassettes", "convert", str(old)]) == 0
    assert capsys.readouterr().out == "cassettes/mine/old.yaml -> cassettes/mine/old.json (1 interaction, 1 request)\n"
    (entry,) = json.loads(old.with_name("old.json").read_text())["interactions"]
    assert entry["request"] == {"method": "GET", "uri": "https://a/?sig=scrubbed&x=1"}
    assert entry["response"]["body"] == {"json": {"a": 1}}
    assert old.read_text() == VCR


def test_convert_keeps_the_structure_of_a_directory(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("theirs/deep").mkdir(parents=True)
    Path("theirs/deep/x.yml").write_text(VCR)
    Path("theirs/y.yaml").write_text(VCR)

    assert main(["cassettes", "convert", "theirs", "--into", "cassettes/batchai"]) == 0
    assert sorted(Path("cassettes/batchai").rglob("*.json")) == [
        Path("cassettes/batchai/deep/x.json"), Path("cassettes/batchai/y.json"),
    ]  # fmt: skip


def test_convert_replaces_nothing_unless_forced(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cassette.with_name("a.yaml").write_text(VCR)
    before = cassette.read_text()

    assert main(["cassettes", "convert", "cassettes/mine/a.yaml"]) == 2
    assert cassette.read_text() == before
    assert "cassettes/mine/a.json exists; replace it with --force" in capsys.readouterr().err
    assert main(["cassettes", "convert", "--force", "cassettes/mine/a.yaml"]) == 0
    assert cassette.read_text() != before


def test_convert_names_what_it_cannot_convert_and_converts_the_rest(
    cassette: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cassette.with_name("b.yaml").write_text("interactions: 5\n")
    cassette.with_name("c.yaml").write_text(VCR)

    assert main(["cassettes", "convert", "cassettes"]) == 2
    printed = capsys.readouterr()
    assert "cassettes/mine/b.yaml is no cassette" in printed.err
    assert "cassettes/mine/c.yaml -> cassettes/mine/c.json" in printed.out


def test_convert_leaves_what_is_in_our_format(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cassettes", "convert", "--into", "elsewhere", str(cassette)]) == 2
    assert f"{cassette} is not converted: it is in the format of this version" in capsys.readouterr().err


def test_a_missing_cassette_that_was_yaml_once_says_how_to_convert_it(
    cassette: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cassette.with_name("old.yaml").write_text(VCR)

    assert main(["cassettes", "show", "cassettes/batchai/mine/old.json"]) == 2
    advice = "harness cassettes convert 'cassettes/mine/old.yaml' --into 'cassettes/batchai/mine'"
    assert advice in capsys.readouterr().err.replace("\n", " ")
