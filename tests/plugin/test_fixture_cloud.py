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
    result.stdout.fnmatch_lines("*group.json was recorded in this run already*give each a different name*")


def test_two_tests_cannot_record_under_one_name_in_two_runs(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_two="""
        import pytest

        def look(cloud, cassette):
            with cloud.clients(cassette) as clients:
                return clients.resources.resource_groups.check_existence("none")

        @pytest.fixture(scope="module", name="looked")
        def _shared(cloud):
            return look(cloud, "mine/shared")

        @pytest.fixture
        def own(cloud, request):
            return look(cloud, f"mine/{request.node.name}")

        def test_one(cloud, looked, own): assert not looked and not look(cloud, "mine/group")
        def test_two(cloud, looked, own): assert not looked and not look(cloud, "mine/group")
        """
    )
    record = ("--cloud", "emulator", "--record")
    run("test_two.py::test_one", *record).assert_outcomes(passed=1)
    run("test_two.py::test_one", *record).assert_outcomes(passed=1)

    result = run("test_two.py::test_two", *record)

    result.assert_outcomes(failed=1)  # the shared fixture records again, whichever test asks for it
    result.stdout.fnmatch_lines("*is a recording of test_two.py::test_one, and one of test_two.py::test_two would*")
    sources = {
        path.stem: json.loads(path.read_text())["provenance"]["source"]
        for path in (pytester.path / "cassettes/batchai/mine").iterdir()
    }
    assert sources == {
        "group": "test_two.py::test_one",
        "shared": "test_two.py::_shared",
        "test_one": "test_two.py::test_one",
        "test_two": "test_two.py::test_two",
    }


def test_a_parameter_that_looks_secret_is_not_in_the_name_of_the_test(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_two="""
        import pytest

        @pytest.mark.parametrize("address", ["somebody@contoso.com"])
        def test_it(cloud, address):
            with cloud.clients("mine/group") as clients:
                assert not clients.resources.resource_groups.check_existence("none")
        """
    )
    run("test_two.py", "--cloud", "emulator", "--record").assert_outcomes(passed=1)
    run("test_two.py", "--cloud", "emulator", "--record").assert_outcomes(passed=1)

    recorded = (pytester.path / "cassettes/batchai/mine/group.json").read_text()
    assert "contoso" not in recorded
    assert json.loads(recorded)["provenance"]["source"].startswith("test_two.py::test_it[user-")
