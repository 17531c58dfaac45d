"""Our CNTK on PyTorch against figures that CNTK 2.7 gave for the same programs, and as the shipped script uses it."""

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.data import prepare

pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
JOBPATH = ROOT / "harness/toolkits/jobpath"
SCRIPT = ROOT / "scenarios/files/ConvNet_MNIST.py"

# One image of 1 x 4 x 4, two classes, all weights given. CNTK 2.7 printed the losses beside each schedule below.
PROGRAM = """
import numpy as np, cntk as C
x, t = C.input_variable((1, 4, 4)), C.input_variable(2)
with C.layers.default_options(activation=C.relu, pad=True):
    model = C.layers.Sequential([
        C.layers.Convolution2D((2, 2), 2), C.layers.MaxPooling((3, 3), (2, 2)), C.layers.Dense(2, activation=None)])(x)
for each in model.parameters:
    each.value = np.cos(np.arange(np.prod(each.shape))).reshape(each.shape).astype(np.float32)
images = np.sin(np.arange(6 * 16)).reshape(6, 1, 4, 4).astype(np.float32)
labels = np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1, 0]]
criterion = (C.cross_entropy_with_softmax(model, t), C.classification_error(model, t))
learner = C.momentum_sgd(model.parameters, {lr}, {momentum})
trainer = C.Trainer(model, criterion, [learner])
for size in (6, 4, 5, 6):
    trainer.train_minibatch({{x: images[:size], t: labels[:size]}})
    print(round(trainer.previous_minibatch_loss_average, 5))
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


def job(*arguments: object, code: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Python as a job has it: our ``cntk`` on the path and nothing of the harness."""
    command = [sys.executable, *(["-c", code] if code else []), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(JOBPATH)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("name", SCHEDULES)
def test_losses_are_those_of_cntk(name: str) -> None:
    lr, momentum = SCHEDULES[name]

    ran = job(code=PROGRAM.format(lr=lr, momentum=momentum))

    assert [float(line) for line in ran.stdout.split()] == pytest.approx(CNTK_LOSSES[name], abs=2e-5), ran.stderr


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("data")
    prepare(directory, mnist_dir=None)
    return directory


def test_the_script_learns_to_read_digits(data: Path, tmp_path: Path) -> None:
    ran = job(SCRIPT, data, tmp_path / "models", "--epochs", 2)

    losses = [float(figure) for figure in re.findall(r"loss = ([0-9.]+)", ran.stderr)]
    errors = re.findall(r"errs = ([0-9.]+)% \* 297", ran.stderr)
    assert ran.returncode == 0, ran.stderr
    assert "Training 98778 parameters in 10 parameter tensors." in ran.stderr
    assert len(losses) == 2
    assert losses[1] < losses[0] < math.log(10) + 0.3
    assert len(errors) == 1
    assert float(errors[0]) < 40
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"ConvNet_MNIST_1.dnn", "ConvNet_MNIST_2.dnn"}


def test_no_epochs_test_and_save_the_untrained_network(data: Path, tmp_path: Path) -> None:
    ran = job(SCRIPT, data, tmp_path, "--epochs", 0)

    assert ran.returncode == 0, ran.stderr
    assert float(re.findall(r"errs = ([0-9.]+)%", ran.stderr)[-1]) > 50
    assert [path.name for path in tmp_path.iterdir()] == ["ConvNet_MNIST_0.dnn"]


def test_a_seed_repeats_a_run(data: Path, tmp_path: Path) -> None:
    first, second, other = (
        re.findall(r"errs = .*", job(SCRIPT, data, tmp_path, "--epochs", 0, "--seed", seed).stderr)
        for seed in (5, 5, 6)
    )

    assert first == second
    assert first != other


def test_a_saved_network_computes_the_same(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("name", ["ops.attention", "learners.adam", "sequence"])
def test_what_is_not_there_says_how_to_get_it(name: str) -> None:
    ran = job(code=f"import cntk; cntk.{name}")

    assert ran.returncode == 1
    assert "AttributeError" in ran.stderr
    assert "harness toolkits install cntk" in ran.stderr


def test_data_that_lacks_a_field_ends_the_job_with_file_and_line(tmp_path: Path) -> None:
    for name in ("Train-28x28_cntk_text.txt", "Test-28x28_cntk_text.txt"):
        (tmp_path / name).write_text("|labels 1 0 0 0 0 0 0 0 0 0\n", encoding="ascii")

    ran = job(SCRIPT, tmp_path, tmp_path / "models", "--epochs", 1)

    assert ran.returncode == 1
    assert "Train-28x28_cntk_text.txt:1: there is no field 'features'" in ran.stderr


def test_every_window_over_an_image_is_where_cntk_puts_it() -> None:
    code = (
        "import numpy as np, cntk as C\n"
        "x = C.input_variable((1, 1, 6)); image = np.arange(6, dtype=np.float32).reshape(1, 1, 1, 6)\n"
        "for wide, step in ((2, 1), (2, 2), (2, 3), (3, 2), (4, 1), (4, 3)):\n"
        "    print(*C.layers.MaxPooling((1, wide), (1, step), pad=True)(x).eval({x: image}).ravel().astype(int))\n"
    )

    ran = job(code=code)

    assert ran.stdout.splitlines() == ["1 2 3 4 5 5", "1 3 5", "2 5", "1 3 5", "2 3 4 5 5 5", "3 5"]  # CNTK 2.7's
