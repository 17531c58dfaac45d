"""Compares CNTK on PyTorch with the results of CNTK 2.7 for the same programs, and runs the shipped script."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.data import prepare
from harness.toolkits.interpreters import on_pytorch
from tests.cntk.conftest import Job

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scenarios/files/ConvNet_MNIST.py"

# One image of 1 x 4 x 4, two classes, all weights given. CNTK 2.7 printed the losses beside each schedule below.
PROGRAM = """
import numpy as np, cntk as C
def losses(lr, momentum):
    x, t = C.input_variable((1, 4, 4)), C.input_variable(2)
    with C.layers.default_options(activation=C.relu, pad=True):
        layers = [C.layers.Convolution2D((2, 2), 2), C.layers.MaxPooling((3, 3), (2, 2))]
    model = C.layers.Sequential([*layers, C.layers.Dense(2)])(x)
    for each in model.parameters:
        each.value = np.cos(np.arange(np.prod(each.shape))).reshape(each.shape).astype(np.float32)
    images = np.sin(np.arange(6 * 16)).reshape(6, 1, 4, 4).astype(np.float32)
    labels = np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1, 0]]
    criterion = (C.cross_entropy_with_softmax(model, t), C.classification_error(model, t))
    trainer = C.Trainer(model, criterion, [C.momentum_sgd(model.parameters, lr, momentum)])
    for size in (6, 4, 5, 6):
        trainer.train_minibatch({x: images[:size], t: labels[:size]})
        yield round(trainer.previous_minibatch_loss_average, 5)
"""
SCHEDULES = {
    "per sample": ("C.learning_parameter_schedule_per_sample([.05, .02], epoch_size=8)",
                   "C.momentum_as_time_constant_schedule([0, 12], 8)"),
    "per minibatch": ("C.learning_rate_schedule(.2, C.UnitType.minibatch)", "C.momentum_schedule(.9)"),
    "reference minibatch": ("C.learning_parameter_schedule(.2, minibatch_size=4)", ".5"),
}  # fmt: skip
CNTK_LOSSES = {
    "per sample": [1.40479, 3.5576, 0.54451, 1.34701],
    "per minibatch": [1.40479, 1.13926, 0.7652, 0.78475],
    "reference minibatch": [1.40479, 1.20409, 0.81195, 0.63211],
}


def test_losses_are_those_of_cntk(job: Job) -> None:
    calls = "\n".join(f"print(*losses({lr}, {momentum}))" for lr, momentum in SCHEDULES.values())

    ran = job(code=PROGRAM + calls)

    rows = [[float(loss) for loss in line.split()] for line in ran.stdout.splitlines()]
    assert rows == [pytest.approx(losses, abs=2e-5) for losses in CNTK_LOSSES.values()], ran.stderr


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("data")
    prepare(directory, mnist_dir=None)
    return directory


@pytest.mark.slow
def test_the_script_learns_to_read_digits_as_cntk_does(job: Job, data: Path, tmp_path: Path) -> None:
    # CNTK 2.7 with the seeds 1 to 3 gave losses of 1.53 to 1.65, then 0.32 to 0.40, and errors of 3.7 to 5.1 % then.
    ran = job(SCRIPT, data, tmp_path / "models", "--epochs", 2)

    losses = [float(figure) for figure in re.findall(r"loss = ([0-9.]+) \* 9000", ran.stderr)]
    errors = re.findall(r"errs = ([0-9.]+)% \* 297", ran.stderr)
    assert ran.returncode == 0, ran.stderr
    assert "Training 98778 parameters in 10 parameter tensors." in ran.stderr
    assert losses == [pytest.approx(1.6, abs=0.2), pytest.approx(0.36, abs=0.15)]
    assert len(errors) == 1
    assert float(errors[0]) < 10
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"ConvNet_MNIST_1.dnn", "ConvNet_MNIST_2.dnn"}


@pytest.mark.slow
def test_five_epochs_read_digits_within_the_scenarios_bound(job: Job, data: Path, tmp_path: Path) -> None:
    # CNTK 2.7 with the seeds 1 to 3: 1.7 to 3.4 %.
    ran = job(SCRIPT, data, tmp_path, "--epochs", 5)

    [error] = re.findall(r"errs = ([0-9.]+)% \* 297", ran.stderr)
    assert float(error) <= 5


@pytest.mark.slow
def test_an_epoch_can_be_any_number_of_samples(job: Job, data: Path, tmp_path: Path) -> None:
    ran = job(SCRIPT, data, tmp_path, "--epochs", 1, "--epoch-size", 100)

    assert "loss = 2." in ran.stderr
    assert "* 100" in ran.stderr


@pytest.mark.slow
def test_no_epochs_test_and_save_the_untrained_network(job: Job, data: Path, tmp_path: Path) -> None:
    ran = job(SCRIPT, data, tmp_path, "--epochs", 0)

    assert ran.returncode == 0, ran.stderr
    assert float(re.findall(r"errs = ([0-9.]+)%", ran.stderr)[-1]) > 50
    assert [path.name for path in tmp_path.iterdir()] == ["ConvNet_MNIST_0.dnn"]


@pytest.mark.slow
def test_a_seed_repeats_a_run(job: Job, data: Path, tmp_path: Path) -> None:
    first, second, other = (
        re.findall(r"errs = .*", job(SCRIPT, data, tmp_path, "--epochs", 0, "--seed", seed).stderr)
        for seed in (5, 5, 6)
    )

    assert first == second
    assert first != other


@pytest.mark.slow
def test_a_saved_network_computes_the_same(job: Job, tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np, cntk as C\n"
        "x = C.input_variable((1, 6, 6), name='image')\n"
        "z = C.layers.Sequential([C.layers.Convolution2D((3, 3), 2, activation=C.relu, pad=True),"
        " C.layers.Dropout(0.5), C.layers.Dense(3)])(x / 2)\n"
        "images = np.arange(72, dtype=np.float32).reshape(2, 1, 6, 6)\n"
        "z.save(sys.argv[1])\n"
        "again = C.load_model(sys.argv[1])\n"
        "print(np.array_equal(z.eval(images), again.eval({again.find_by_name('image'): images})))\n"
    )

    ran = job(tmp_path / "net.dnn", code=code)

    assert ran.stdout == "True\n", ran.stderr


@pytest.mark.slow
def test_what_is_not_there_says_how_to_get_it(job: Job) -> None:
    names = (
        "ops.attention",
        "learners.rmsprop",
        "sequence",
        "layers.LSTM",
        "train.distributed.mpi_communicator",
        "eval",
    )
    code = "import cntk\n" + "".join(
        f"try: cntk.{name}\nexcept AttributeError as error: print(error)\n" for name in names
    )

    ran = job(code=code)

    lines = ran.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [f"cntk.{name}" for name in names]
    assert all("is not part of CNTK on PyTorch" in line for line in lines)
    assert all("`harness toolkits install cntk` installs Microsoft's CNTK 2.7" in line for line in lines)


@pytest.mark.slow
def test_a_module_that_is_not_there_says_so_too(job: Job) -> None:
    ran = job(code="from cntk.contrib.crosstalk import find_func_param")

    assert "ModuleNotFoundError: the module cntk.contrib is not part of CNTK on PyTorch" in ran.stderr


@pytest.mark.slow
def test_a_training_continues_from_its_checkpoint(job: Job, tmp_path: Path) -> None:
    code = """
import sys, numpy as np, cntk as C
def made():
    C.cntk_py.set_fixed_random_seed(1)
    x, y = C.input_variable(4), C.input_variable(2)
    z = C.layers.Sequential([C.layers.Dense(3, activation=C.tanh), C.layers.BatchNormalization(), C.layers.Dense(2)])(x)
    learner = C.adam(z.parameters, 0.1, 0.9, variance_momentum=0.99)
    return C.Trainer(z, C.cross_entropy_with_softmax(z, y), [learner])
data = np.sin(np.arange(24)).reshape(6, 4).astype(np.float32), np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1, 0]]
first, second = made(), made()
for _ in range(3): first.train_minibatch(data)
first.save_checkpoint(sys.argv[1], {"epoch": 3})
print(second.restore_from_checkpoint(sys.argv[1])["epoch"])
for trainer in (first, second):
    for _ in range(3): trainer.train_minibatch(data)
    print(trainer.previous_minibatch_loss_average)
"""

    ran = job(tmp_path / "state", code=code)

    epoch, first, second = ran.stdout.split()
    assert epoch == "3", ran.stderr
    assert first == second


@pytest.mark.slow
def test_a_session_continues_from_its_checkpoint(job: Job, tmp_path: Path) -> None:
    code = """
import sys, numpy as np, cntk as C
place = sys.argv[1]
with open(place + ".txt", "w") as lines:
    for i in range(8): lines.write("|x %.3f %.3f |y %d\\n" % (np.sin(i), np.cos(i), i % 2))
def session(samples, restore):
    C.cntk_py.set_fixed_random_seed(1)
    x, y = C.input_variable(2), C.input_variable(1)
    z = C.layers.Dense(1)(x)
    trainer = C.Trainer(z, C.squared_error(z, y), [C.momentum_sgd(z.parameters, 0.1, 0.9)])
    streams = C.io.StreamDefs(x=C.io.StreamDef(field="x", shape=2), y=C.io.StreamDef(field="y", shape=1))
    source = C.io.MinibatchSource(C.io.CTFDeserializer(place + ".txt", streams))
    C.train.training_session(trainer, source, 3, {x: source.streams.x, y: source.streams.y}, max_samples=samples,
        checkpoint_config=C.CheckpointConfig(place + ".dnn", frequency=6, restore=restore)).train()
    return trainer.previous_minibatch_loss_average
whole = session(18, False)
session(12, False)
print(session(18, True) == whole)
"""

    ran = job(tmp_path / "session", code=code)

    assert ran.stdout == "True\n", ran.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mpirun") is None, reason="there is no mpirun on PATH")
def test_two_workers_learn_what_one_learns(job: Job, tmp_path: Path) -> None:
    code = """
import sys, numpy as np, cntk as C
x, y = C.input_variable(4), C.input_variable(2)
z = C.layers.Dense(2)(x)
learner = C.train.distributed.data_parallel_distributed_learner(C.sgd(z.parameters, 0.1))
trainer = C.Trainer(z, C.squared_error(z, y), [learner])
workers, rank = C.Communicator.num_workers(), C.Communicator.rank()
for each in z.parameters: each.value = 0.1
images, labels = np.sin(np.arange(24)).reshape(6, 4).astype(np.float32), np.ones((6, 2), np.float32)
for _ in range(4): trainer.train_minibatch({x: images[rank::workers], y: labels[rank::workers]})
count, loss = trainer.previous_minibatch_sample_count, round(trainer.previous_minibatch_loss_average, 5)
sys.stdout.write(f"{count} {loss}\\n")  # in one piece: two workers write at once
C.Communicator.finalize()
"""
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-np", "2", sys.executable, "-c", code]
    environment = {**os.environ, **on_pytorch().environment, "AZ_BATCHAI_SHARED_JOB_TEMP": str(tmp_path)}

    alone = job(code=code)
    together = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)

    assert alone.stdout.startswith("6 "), alone.stderr
    assert together.stdout.splitlines() == [alone.stdout.strip()] * 2, together.stderr


@pytest.mark.slow
def test_a_worker_without_samples_of_a_minibatch_continues(job: Job, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("|x 1\n|x 2\n|x 3\n", encoding="ascii")
    code = """
import sys, cntk as C
stream = C.io.StreamDefs(x=C.io.StreamDef(field="x", shape=1))
x = C.input_variable(1)
trainer = C.Trainer(None, C.squared_error(C.layers.Dense(1)(x), x), [C.sgd(C.layers.Dense(1)(x).parameters, 0.1)])
for worker in range(2):
    source = C.io.MinibatchSource(C.io.CTFDeserializer(sys.argv[1], stream), randomize=False, max_sweeps=1)
    seen = []
    while True:
        data = source.next_minibatch(2, {x: source.streams.x}, num_data_partitions=2, partition_index=worker)
        if not data:
            break
        seen.append((data[x].asarray().ravel().tolist(), data[x].end_of_sweep))
    print(*seen)
source = C.io.MinibatchSource(C.io.CTFDeserializer(sys.argv[1], stream), randomize=False, max_sweeps=1)
none = source.next_minibatch(1, {x: source.streams.x}, num_data_partitions=2, partition_index=0)
print(trainer.train_minibatch(none))
"""

    ran = job(tmp_path / "data.txt", code=code)

    assert ran.stdout.splitlines() == [
        "([1.0], False) ([], True)", "([2.0], False) ([3.0], True)", "False",
    ], ran.stderr  # fmt: skip


@pytest.mark.slow
def test_data_that_lacks_a_field_ends_the_job_with_file_and_line(job: Job, tmp_path: Path) -> None:
    for name in ("Train-28x28_cntk_text.txt", "Test-28x28_cntk_text.txt"):
        (tmp_path / name).write_text("|labels 1 0 0 0 0 0 0 0 0 0\n", encoding="ascii")

    ran = job(SCRIPT, tmp_path, tmp_path / "models", "--epochs", 1)

    assert ran.returncode == 1
    assert "Train-28x28_cntk_text.txt:1: there is no field 'features'" in ran.stderr


@pytest.mark.slow
def test_every_window_over_an_image_is_where_cntk_puts_it(job: Job) -> None:
    code = (
        "import numpy as np, cntk as C\n"
        "x = C.input_variable((1, 1, 6)); image = np.arange(6, dtype=np.float32).reshape(1, 1, 1, 6)\n"
        "for wide, step in ((2, 1), (2, 2), (2, 3), (3, 2), (4, 1), (4, 3)):\n"
        "    print(*C.layers.MaxPooling((1, wide), (1, step), pad=True)(x).eval({x: image}).ravel().astype(int))\n"
    )

    ran = job(code=code)

    assert ran.stdout.splitlines() == ["1 2 3 4 5 5", "1 3 5", "2 5", "1 3 5", "2 3 4 5 5 5", "3 5"]  # CNTK 2.7's
