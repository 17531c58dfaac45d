import json
from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]

STORY = """
import requests

def test_story(cloud, offline):
    with cloud.clients("mine/story") as clients:
        assert clients.session.get("https://management.azure.com/job").json() == {"state": "succeeded"}
"""

CASSETTE = """
version: 1
interactions:
- request: {method: GET, uri: 'https://management.azure.com/job', headers: {}, body: null}
  response:
    status: {code: 200, message: OK}
    headers: {Content-Type: [application/json]}
    body: {string: '{"state": "succeeded"}'}
"""


def test_a_replaying_cloud_answers_from_the_projects_cassettes(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_story=STORY)
    directory = pytester.mkdir("cassettes") / "batchai" / "mine"
    directory.mkdir(parents=True)
    (directory / "story.yaml").write_text(CASSETTE)

    run("test_story.py").assert_outcomes(passed=1)


def test_a_missing_cassette_says_how_to_record_it(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_story=STORY)

    result = run("test_story.py")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*there is no cassette *story.json*--record*")


def test_what_is_recorded_on_the_emulator_replays_offline(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_group="""
        def test_group(cloud):
            with cloud.clients("mine/group") as clients:
                groups = clients.resources.resource_groups
                groups.create_or_update("mine", {"location": "eastus"})
                groups.begin_delete("mine").wait()
                assert not groups.check_existence("mine")
        """
    )
    run("test_group.py", "--cloud", "emulator", "--record").assert_outcomes(passed=1)

    run("test_group.py").assert_outcomes(passed=1)
    recorded = json.loads((pytester.path / "cassettes/batchai/mine/group.json").read_text())
    assert recorded["provenance"]["cloud"] == "emulator"


def test_equal_names_in_two_classes_have_cassettes_of_their_own(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_two="""
        class TestOne:
            def test_it(self, make_resource_group): assert make_resource_group("one")
        class TestTwo:
            def test_it(self, make_resource_group): assert make_resource_group("two")
        """
    )
    run("test_two.py", "--cloud", "emulator", "--record").assert_outcomes(passed=2)

    run("test_two.py").assert_outcomes(passed=2)
    recorded = sorted(path.name for path in (pytester.path / "cassettes/batchai/test_two").iterdir())
    assert recorded == ["TestOne.test_it.json", "TestTwo.test_it.json"]


def test_two_tests_cannot_record_under_one_name(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_two="""
        import pytest

        @pytest.mark.parametrize("name", ["one", "two"])
        def test_it(cloud, name):
            with cloud.clients("mine/group") as clients:
                assert not clients.resources.resource_groups.check_existence(name)
        """
    )
    result = run("test_two.py", "--cloud", "emulator", "--record")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines("*group.json was recorded in this run already*give each a name of its own*")
