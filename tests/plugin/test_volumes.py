"""A job that reads from one volume and writes to others: run, recorded and replayed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.emulator.endpoint import Endpoint

Run = Callable[..., pytest.RunResult]

SCENARIO = """\
scenario: several
resource_group: severalgroup
share: {name: severallogs}
shares: [{name: severalmodels, mount: models}]
containers:
  - {name: severaldata, mount: data, directory: train, upload: [{file: numbers.txt}, {file: sum.sh}]}
cluster: {name: c, nodes: 1}
job:
  name: j
  toolkit: customToolkit
  command: sh $AZ_BATCHAI_INPUT_DATA/sum.sh
  inputs: {DATA: $AZ_BATCHAI_MOUNT_ROOT/data/train}
  outputs:
    MODEL: {prefix: $AZ_BATCHAI_MOUNT_ROOT/models, suffix: m}
    COPY: {prefix: $AZ_BATCHAI_MOUNT_ROOT/data}
  stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare
metrics: {sum: {file: stdout.txt, pattern: 'sum = (\\S+)'}}
expect: {exit_code: 0, metrics: {sum: {min: 6, max: 6}}, files: {MODEL: ['net.txt'], COPY: ['copy.txt']}}
limits: {queued: PT1M, running: PT1M}
"""
SCRIPT = """\
awk '{ sum += $1 } END { print "sum = " sum }' "$AZ_BATCHAI_INPUT_DATA/numbers.txt"
echo model > "$AZ_BATCHAI_OUTPUT_MODEL/net.txt"
echo copy > "$AZ_BATCHAI_OUTPUT_COPY/copy.txt"
"""


@pytest.fixture
def several(run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, emulator: Endpoint) -> Path:
    """A project with a scenario whose data is in a container and whose models go to a second share."""
    monkeypatch.setenv("HARNESS_EMULATOR_DIR", emulator.directory)
    monkeypatch.setenv("XDG_STATE_HOME", str(pytester.path / "state"))
    (pytester.path / "test_options.py").unlink(missing_ok=True)
    for path in pytester.path.glob("test_*.py"):
        path.unlink()
    directory = pytester.mkdir("scenarios")
    (directory / "several.yaml").write_text(SCENARIO)
    (directory / "sum.sh").write_text(SCRIPT)
    (directory / "numbers.txt").write_text("1\n2\n3\n")
    return directory


def test_every_volume_is_made_mounted_recorded_and_replayed(run: Run, several: Path, pytester: pytest.Pytester) -> None:
    run("scenarios", "--cloud", "emulator", "--record").assert_outcomes(passed=1)
    text = (pytester.path / "cassettes/batchai/several/file_share.json").read_text()
    assert "severalmodels" in text
    assert "/severaldata/train/numbers.txt" in text
    (several / "numbers.txt").write_text("7\n")  # a replay reads no data
    run("scenarios").assert_outcomes(passed=1)


def test_a_test_of_ones_own_mounts_a_container_beside_a_share(
    run: Run, several: Path, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        test_made="""
        from pathlib import Path

        MOUNT = "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare"

        def test_job(make_resource_group, make_file_share, make_blob_container, make_gpu_cluster, make_job):
            group = make_resource_group("mine")
            share = make_file_share(group, "mineshare")
            numbers = Path("scenarios/numbers.txt")
            data = make_blob_container(group, "minedata", directory="d", upload={"numbers.txt": numbers})
            cluster = make_gpu_cluster(share, "small", others={"blobs": data})
            command = "exit $(wc -l < $AZ_BATCHAI_MOUNT_ROOT/blobs/d/numbers.txt)"
            job = make_job(cluster, "count", toolkit="customToolkit", command=command, stdouterr=MOUNT)
            assert job.wait(deadline=60).exit_code == 3
        """
    )
    run("test_made.py", "--cloud", "emulator", "--record").assert_outcomes(passed=1)
    run("test_made.py").assert_outcomes(passed=1)
