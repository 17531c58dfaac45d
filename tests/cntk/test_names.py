"""Names that scripts import and call first, and the errors of missing names."""

import pytest

from tests.cntk.conftest import Job

REMEDY = (
    "is not part of CNTK on PyTorch, which trains feed-forward networks on dense data; `harness toolkits install cntk`"
)


@pytest.mark.parametrize(
    "code",
    [
        "from _cntk_py import set_fixed_random_seed, force_deterministic_algorithms; set_fixed_random_seed(1)",
        "import cntk; cntk.cntk_py.set_fixed_random_seed(1); cntk.cntk_py.force_deterministic_algorithms()",
        "import cntk.tests.test_utils; cntk.tests.test_utils.set_device_from_pytest_env()",
        "from cntk.debugging import start_profiler, stop_profiler; start_profiler('d'); stop_profiler()",
        "from cntk.debugging.profiler import enable_profiler, disable_profiler; enable_profiler(); disable_profiler()",
        "import cntk; cntk.debugging.set_checked_mode(True); cntk.debugging.set_node_timing(True)",
        "import cntk; cntk.cntk_py.set_computation_network_trace_level(1000000)",
        "import cntk; cntk.debugging.force_deterministic(7)",
    ],
)
def test_the_first_lines_of_scripts_are_harmless(job: Job, code: str) -> None:
    done = job(code=code)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("from cntk.layers import LSTM", f"ImportError: cntk.layers.LSTM {REMEDY}"),
        ("from cntk import sequence", f"ImportError: cntk.sequence {REMEDY}"),
        ("from cntk.learners import sgd, adagrad", f"ImportError: cntk.learners.adagrad {REMEDY}"),
        ("import cntk.ops.sequence", f"ModuleNotFoundError: the module cntk.ops.sequence {REMEDY}"),
        ("from cntk.ops.sequence import last", f"ModuleNotFoundError: the module cntk.ops.sequence {REMEDY}"),
        ("import cntk.contrib", f"ModuleNotFoundError: the module cntk.contrib {REMEDY}"),
        ("import cntk; cntk.layers.LSTM(3)", f"AttributeError: cntk.layers.LSTM {REMEDY}"),
        ("import cntk; cntk.Value.create(1)", f"AttributeError: cntk.Value.create {REMEDY}"),
        ("from _cntk_py import Trainer", f"ImportError: _cntk_py.Trainer {REMEDY}"),
    ],
)
def test_every_form_of_import_explains_what_is_not_here(job: Job, code: str, message: str) -> None:
    done = job(code=code)

    assert done.returncode == 1
    assert message in done.stderr


def test_what_is_not_here_can_be_asked_for(job: Job) -> None:
    done = job(code="import cntk; print(hasattr(cntk, 'sequence'), getattr(cntk.layers, 'LSTM', None))")

    assert done.stdout == "False None\n"


def test_padding_the_axis_of_channels_is_refused_when_it_is_computed(job: Job) -> None:
    done = job(code=(
        "import cntk as C, numpy as np; x = C.input_variable((2, 5, 5)); "
        "f = C.convolution(C.parameter((4, 2, 3, 3), init=1), x); print(f.shape); "
        "f.eval({x: np.zeros((1, 2, 5, 5), np.float32)})"
    ))  # fmt: skip

    assert done.stdout == "(8, 5, 5)\n"
    assert "say auto_padding=(False, True, True)" in done.stderr


def test_numpy_arrays_do_for_strides_padding_and_shapes(job: Job) -> None:
    done = job(code=(
        "import cntk as C, numpy as np; x = C.input_variable(np.array([2, 6, 6])); a = np.array; "
        "print(C.layers.Convolution2D(a([3, 3]), 4, pad=a([True, False]), strides=a([2, 1]))(x).shape,"
        " C.layers.MaxPooling(a([2, 2]), strides=a([2, 2]))(x).shape, C.reshape(x, a([6, 12])).shape)"
    ))  # fmt: skip

    assert done.stdout == "(4, 3, 4) (2, 3, 3) (6, 12)\n"


def test_a_schedule_does_not_iterate_for_ever(job: Job) -> None:
    done = job(code="import cntk as C; list(C.learning_parameter_schedule([1, 2]))")

    assert "TypeError: 'Schedule' object is not iterable" in done.stderr


def test_exchanges_between_workers_are_logged_as_often_as_asked(job: Job) -> None:
    done = job(code=(
        "from cntk.logging import ProgressPrinter; p = ProgressPrinter(distributed_freq=4, distributed_first=2);"
        "[p.on_distributed_sync(8) for _ in range(9)]"
    ))  # fmt: skip

    assert done.stdout.splitlines() == [
        f"Distributed training: #Syncs elapsed = {syncs}, #Samples elapsed = {8 * syncs}" for syncs in (1, 1, 2, 4)
    ]
