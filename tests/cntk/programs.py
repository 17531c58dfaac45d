"""Programs for the ``cntk`` API, each short, which real CNTK and ours must agree on: each fills ``out`` with arrays.

``C`` is cntk, ``np`` numpy; ``data``, ``images`` and ``labels`` are the same in both; ``fill`` gives a network weights.
"""

PRELUDE = """
import json, sys
import numpy as np
import cntk as C

def fill(model):
    for each in model.parameters:
        if each.name not in ("scale",):
            each.value = (0.5 * np.cos(1 + np.arange(np.prod(each.shape) or 1))).reshape(each.shape).astype(np.float32)
    return model

def figures(program):
    space = {
        "C": C, "np": np, "fill": fill, "out": [],
        "data": np.sin(np.arange(24)).reshape(4, 2, 3).astype(np.float32),
        "images": np.sin(np.arange(8 * 50)).reshape(8, 2, 5, 5).astype(np.float32),
        "labels": np.eye(3, dtype=np.float32)[[0, 1, 2, 1, 0, 2, 2, 1]],
    }
    exec(program, space)
    return [np.asarray(each, dtype=np.float64).tolist() for each in space["out"]]

for name, program in json.load(sys.stdin).items():
    try:
        result = figures(program)
    except Exception as error:
        result = "%s: %s" % (type(error).__name__, str(error).splitlines()[0] if str(error) else "")
    print("\\nRESULT " + json.dumps([name, result]), flush=True)
"""

_X = "x = C.input_variable((2, 3)); "
_TRAIN = """
x, y = C.input_variable((2, 5, 5)), C.input_variable(3)
z = fill({model})
criterion = ({loss}, C.classification_error(z, y))
learner = {learner}
trainer = C.Trainer(z, criterion, [learner])
for size in (8, 5, 8, 3):
    trainer.train_minibatch({{x: images[:size], y: labels[:size]}})
    out.append(trainer.previous_minibatch_loss_average)
    out.append(trainer.previous_minibatch_evaluation_average)
out.append(z.eval({{x: images}}))
out.append(trainer.test_minibatch({{x: images, y: labels}}))
"""
_CONV = """C.layers.Sequential([C.layers.Convolution2D((3, 3), 4, activation=C.relu, pad=True),
    C.layers.MaxPooling((3, 3), (2, 2)), C.layers.Dense(3)])(x)"""
_LOSS = "C.cross_entropy_with_softmax(z, y)"
_SLOW = "C.sgd(z.parameters, C.learning_parameter_schedule_per_sample(0.005))"
_SGD = "C.sgd(z.parameters, C.learning_parameter_schedule_per_sample(0.02))"


def unary(expression: str) -> str:
    """A function of ``x``: its value and its shape."""
    return f"{_X}f = {expression}; out += [f.eval({{x: data}}), f.shape]"


def training(model: str = _CONV, loss: str = _LOSS, learner: str = _SGD) -> str:
    """Four minibatches of three sizes, then an evaluation and a test."""
    return _TRAIN.format(model=model, loss=loss, learner=learner)


EXPRESSIONS = [
    *(f"C.{op}(x)" for op in (
        "abs", "argmax", "argmin", "ceil", "cos", "elu", "exp", "flatten", "floor", "leaky_relu", "log", "log_softmax",
        "negate", "reciprocal", "reduce_log_sum_exp", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod",
        "reduce_sum", "relu", "selu", "sigmoid", "sin", "softmax", "softplus", "sqrt", "square", "tanh",
    )),
    *(f"C.{op}(x, axis={axis})" for op in ("reduce_sum", "reduce_mean", "reduce_max", "argmax", "softmax",
                                         "log_softmax") for axis in (0, 1, -1)),
    *(f"C.{op}(x, x[0])" for op in ("plus", "minus", "element_times", "element_divide", "element_max", "element_min")),
    *(f"C.{op}(x, 0.1)" for op in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal")),
    "C.pow(x, 2)", "C.clip(x, -.2, .3)", "C.element_select(C.greater(x, 0), x, 7)", "1 - 2 * x / 3 + x * x", "-x",
    "C.hardmax(x[0])", "C.reshape(x, (3, 2))", "C.reshape(x, -1)", "C.transpose(x, (1, 0))", "C.swapaxes(x, 0, 1)",
    "C.splice(x, 2 * x)", "C.splice(x, 2 * x, axis=0)", "C.slice(x, 1, 0, 2)", "C.slice(x, -1, -2, 0)", "x[1, :2]",
    "C.squeeze(x[0])", "C.flatten(x, axis=1)", "C.stop_gradient(x)", "C.alias(x)",
    "C.times(x, np.arange(12).reshape(3, 4).astype(np.float32))", "C.mean(x, 2 * x, x)", "C.sum(x, 2 * x, x)",
    "C.times(x, np.arange(24).reshape(2, 3, 4).astype(np.float32))", "C.layers.Dropout(0.5)(x)",
    "C.times(x, np.arange(24).reshape(3, 2, 4).astype(np.float32), output_rank=2)",
    "C.times_transpose(x, np.arange(12).reshape(4, 3).astype(np.float32))", "C.relu(x) + C.relu(x)",
    "C.squared_error(x, 2 * x)", "C.binary_cross_entropy(C.sigmoid(x), C.sigmoid(2 * x))",
    "C.cross_entropy_with_softmax(C.squeeze(x[0]), C.softmax(C.squeeze(x[1])))", "C.one_hot(x * 0 + 1, 3)",
    "fill(C.layers.LayerNormalization()(x))", "fill(C.layers.Embedding(2)(x))", "fill(C.layers.Dense((2, 2))(x))",
    "fill(C.layers.Dense(4, activation=C.tanh, bias=False)(x))", "C.layers.Embedding(weights=np.eye(3))(x)",
    "C.layers.ResNetBlock(C.relu)(x)", "C.layers.Activation(C.sigmoid)(x)", "C.layers.Label('a')(x)",
]  # fmt: skip

_IMAGES = [
    *(f"C.layers.{kind}Pooling((3, 3), {step}, pad={pad})(x)"
      for kind in ("Max", "Average") for step in (1, 2) for pad in (True, False)),
    "C.layers.GlobalMaxPooling()(x)", "C.layers.GlobalAveragePooling()(x)",
    "C.pooling(x, C.MAX_POOLING, (2, 2), (2, 2))", "C.pooling(x, C.AVG_POOLING, (2, 2), (2, 2), [True])",
    *(f"fill(C.layers.Convolution2D({size}, 3, strides={step}, pad={pad})(x))"
      for size in ((3, 3), (2, 4)) for step in (1, 2, (2, 1)) for pad in (True, False)),
    "fill(C.layers.Convolution((3, 3), 4, bias=False)(x))",
]  # fmt: skip

_RATE = "C.learning_parameter_schedule_per_sample(0.02)"
_ANY = "C.learning_parameter_schedule(0.1)"
_OF_FOUR = "C.learning_parameter_schedule(0.1, minibatch_size=4)"
_OLD = "C.learning_rate_schedule([0.1, 0.05], C.UnitType.minibatch, 10)"
_MOMENTUM = "C.momentum_schedule(0.8)"
_LEARNERS = [
    *(f"C.sgd(z.parameters, {rate})" for rate in (_RATE, _ANY, _OF_FOUR, _OLD)),
    *(f"C.sgd(z.parameters, {rate}, {option})" for rate in (_RATE, _ANY) for option in (
        "l2_regularization_weight=0.1", "l1_regularization_weight=0.05", "gradient_clipping_threshold_per_sample=0.05",
        "gradient_clipping_threshold_per_sample=0.05, gradient_clipping_with_truncation=False")),
    *(f"C.{kind}(z.parameters, {rate}, {momentum}, unit_gain={gain})" for kind in ("momentum_sgd", "nesterov")
      for rate, momentum in ((_RATE, "C.momentum_as_time_constant_schedule([0, 12], 8)"), (_ANY, _MOMENTUM),
                             (_OF_FOUR, "0.5")) for gain in (True, False)),
    f"C.momentum_sgd(z.parameters, {_RATE}, C.learners.momentum_schedule_per_sample([0.9] * 2 + [0.95], 8))",
    "C.momentum_sgd(z.parameters, 0.1, 0.5, minibatch_size=4)",
    *(f"C.adam(z.parameters, {rate}, {_MOMENTUM}, unit_gain={gain}, variance_momentum=C.momentum_schedule(0.9))"
      for rate in (_RATE, _ANY, _OF_FOUR) for gain in (True, False)),
    "C.adadelta(z.parameters)", f"C.adam(z.parameters, {_RATE}, {_MOMENTUM})",
    *(f"C.adadelta(z.parameters, {rate})" for rate in ("1.0", "C.learning_rate_schedule(1, C.UnitType.sample)")),
]  # fmt: skip

_MODELS = [f"C.layers.Sequential([{layers}, C.layers.Dense(3)])(x)" for layers in (
    "C.layers.Dense(4, activation=C.sigmoid)",
    "C.layers.BatchNormalization(map_rank=1), C.layers.Convolution2D((3, 3), 4), C.relu",
    "C.layers.Dense(4), C.layers.BatchNormalization(normalization_time_constant=20)",
    "C.layers.For(range(2), lambda i: C.layers.Dense([5, 4][i], activation=C.relu)), C.layers.LayerNormalization()",
    "C.layers.ResNetBlock(C.layers.Convolution2D((3, 3), 2, pad=True, activation=C.elu)), C.layers.GlobalMaxPooling()",
)] + ["C.times(C.reshape(x, 50), C.parameter((50, 3))) + C.parameter(3)"]  # fmt: skip
_LOSSES = ["C.squared_error(C.softmax(z), y)", "C.reduce_sum(C.binary_cross_entropy(C.sigmoid(z), y))",
           "C.binary_cross_entropy(C.sigmoid(z), y)", "C.reduce_mean(C.square(z - y)) + 0.1 * C.reduce_sum(C.abs(z))",
           "-C.reduce_sum(y * C.log_softmax(z))"]  # fmt: skip

_SESSION = """
import io, contextlib, re, os, tempfile
path = os.path.join(tempfile.mkdtemp(), "data.txt")
with open(path, "w") as lines:
    for image, label in zip(images, labels):
        lines.write("|y %s |x %s\\n" % (" ".join(map(str, label)), " ".join("%.6f" % v for v in image.ravel())))
def source(sweeps):
    streams = C.io.StreamDefs(y=C.io.StreamDef(field="y", shape=3), x=C.io.StreamDef(field="x", shape=50))
    return C.io.MinibatchSource(C.io.CTFDeserializer(path, streams), randomize=False, max_sweeps=sweeps)
x, y = C.input_variable((2, 5, 5)), C.input_variable(3)
z = fill(C.layers.Dense(3)(x))
"""
_CROSS = (
    _SESSION
    + """
heard = []
def hear(index, error, samples, minibatches):
    heard.append([index, error, samples, minibatches])
    return len(heard) < 4
trainer = C.Trainer(z, (C.cross_entropy_with_softmax(z, y), C.classification_error(z, y)),
    [C.sgd(z.parameters, C.learning_parameter_schedule_per_sample(0.1))])
training, testing = source(C.io.INFINITELY_REPEAT), source(1)
def streams(of): return {x: of.streams.x, y: of.streams.y}
C.train.training_session(trainer=trainer, mb_source=training, mb_size=3, max_samples=40,
    model_inputs_to_streams=streams(training), cv_config=C.CrossValidationConfig(testing, frequency=OFTEN,
    minibatch_size=5, callback=hear, model_inputs_to_streams=streams(testing), max_samples=MOST)).train()
out += heard + [trainer.total_number_of_samples_seen]
"""
)
_CONVOLUTION = """
x = C.input_variable({images}); f = C.convolution(C.constant(np.cos(np.arange(np.prod({filters}))).reshape({filters})
    .astype(np.float32)), x, strides={strides}, auto_padding={pads}, groups={groups})
out += [f.shape]
if f.shape[0] == {filters}[0]:
    out += [f.eval({{x: np.sin(np.arange(np.prod({images}))).reshape((1,) + {images}).astype(np.float32)}})]
"""
_CONVOLUTIONS = {
    f"convolution of {images} with {filters}, strides {strides}, padding {pads}": _CONVOLUTION.format(
        images=images, filters=filters, strides=strides, pads=pads, groups=groups
    )
    for images, filters, groups in (
        ((2, 5, 5), (4, 2, 3, 3), 1), ((4, 5, 5), (4, 2, 3, 3), 2), ((3, 4, 6), (2, 3, 2, 4), 1),
    )
    for strides in ((1,), (2, 1), (3, 1, 2))
    for pads in ((True,), (False,), (False, True), (True, False, False))
}  # fmt: skip
_CTF = """
import os, tempfile
path = os.path.join(tempfile.mkdtemp(), "data.txt")
for text in {texts}:
    with open(path, "wb") as lines:
        lines.write(text)
    try:
        streams = C.io.StreamDefs(
            f=C.io.StreamDef(field="f", shape=2), l=C.io.StreamDef(field="l", shape=3, is_sparse=True))
        source = C.io.MinibatchSource(C.io.CTFDeserializer(path, streams), randomize=False, max_sweeps=1)
        while True:
            data = source.next_minibatch(10)
            if not data:
                break
            found = data[source.streams.l].asarray()
            out.append(np.asarray(data[source.streams.f].asarray()).reshape(-1, 2))
            rows = [each.todense() if hasattr(each, "todense") else each for each in found]
            out.append(np.asarray(rows).reshape(-1, 3))
    except (RuntimeError, ValueError):
        out.append(-1)
"""
_CTF_TEXTS = [
    b"|f 1 2 |l 0:1", b"", b"|f 1 |l 0:1\n", b"|f |l\n", b"|f 1 2 |l 1:1 1:2\n", b"|f 1 2 |f 3 4 |l 0:1\n",
    b"| f 1 2 |l 0:1\n", b"|f nan 2 |l 0:1\n", b"|f .5 2 |l 0:1\n", b"|f 5. 2 |l 0:1\n", b"|f 1.e2 2 |l 0:1\n",
    b"|f 1 2 |l 0:1\n\n", b"|f 1 2 |l 0:1 |\n", b"||f 1 2 |l 0:1\n", b"5|f 1 2|l 0:1\r\n", b"a |f 1 2 |l 0:1\n",
    b"|f 1 2 |# x |l 0:1\n", b"|f 1 2 3 |l 0:1\n", b"|f 1 2 |l 3:1\n", b"|f 1 2 |l 1 0 0\n", b"|f 1:2 |l 0:1\n",
    b"\xef\xbb\xbf|f 1 2 |l 0:1\n", b"|f 1e400 +2E+1 |l 0:-1\n", b"|f 1\r2 |l 0:1\n", b"|f 1_0 2 |l 0:1\n",
]  # fmt: skip
_TWO_FILES = """
import os, tempfile
folder = tempfile.mkdtemp()
with open(os.path.join(folder, "f"), "w") as lines:
    lines.writelines("%d |f %d\\n" % (i, i) for i in (4, 0, 3, 1))
with open(os.path.join(folder, "l"), "w") as lines:
    lines.writelines("%d |l %d\\n" % (i, 10 * i) for i in (0, 1, 2, 3))
def read(name):
    streams = C.io.StreamDefs(**{name: C.io.StreamDef(field=name, shape=1)})
    return C.io.CTFDeserializer(os.path.join(folder, name), streams)
source = C.io.MinibatchSource([read("f"), read("l")], randomize=False, max_sweeps=1)
data = source.next_minibatch(10)
out += [np.ravel(data[source.streams[name]].asarray()) for name in ("f", "l")]
"""
_CHECKPOINTS = """
import os, tempfile
folder = os.path.join(tempfile.mkdtemp(), "new")
x, y = C.input_variable((2, 5, 5)), C.input_variable(3)
z = C.layers.Dense(3)(x)
z.save(os.path.join(folder, "deep", "a.dnn"))
trainer = C.Trainer(z, C.squared_error(z, y), [C.sgd(z.parameters, C.learning_parameter_schedule(0.1))])
trainer.save_checkpoint(os.path.join(folder, "b"))
out += [os.path.exists(os.path.join(folder, name)) for name in (os.path.join("deep", "a.dnn"), "b", "b.ckp")]
"""
_PRESERVED = (
    _SESSION
    + """
trainer = C.Trainer(z, C.squared_error(z, y), [C.sgd(z.parameters, C.learning_parameter_schedule_per_sample(0.01))])
training, folder = source(C.io.INFINITELY_REPEAT), os.path.join(tempfile.mkdtemp(), "new")
C.train.training_session(trainer=trainer, mb_source=training, mb_size=4, max_samples=20,
    model_inputs_to_streams={x: training.streams.x, y: training.streams.y},
    checkpoint_config=C.CheckpointConfig(os.path.join(folder, "c"), frequency=FREQUENCY, preserve_all=True)).train()
out.append([sum(map(ord, name)) for name in sorted(os.listdir(folder))])
"""
)
_BRANCHES = """
x = C.input_variable((2, 3))
def learned(size):
    return C.parameter(size, init=0.5)
def shapes(f):
    return [np.prod(p.shape) for p in f.parameters]
shared = learned(3) * x
out += [shapes(f) for f in (
    learned(3) * x + learned((2, 3)), (learned((2, 3)) * shared + learned((1, 3))) + learned(1) * shared,
    C.times(C.times(x, learned((3, 4))) + learned(4), learned((4, 5))) + learned(5),
    C.layers.Dense(2)(C.layers.Dense(4)(C.layers.Dense(3)(x)) + C.layers.Dense(4)(x)),
    C.layers.LayerNormalization()(C.layers.Dense(4)(x)), C.layers.BatchNormalization()(C.layers.Dense(5)(x)),
    C.splice(C.layers.Dense(7)(x), C.layers.Dense(8)(x)), C.squared_error(learned(3) * x, learned((2, 3)) * x),
)]
named = C.splice(C.reshape(C.relu(x, name="n"), (1, 6), name="n"), C.flatten(C.reshape(x, (3, 2), name="n")))
out.append([f.shape for f in named.find_all_with_name("n")])
"""
_LOG_FILE = """
import os, re, tempfile
path = os.path.join(tempfile.mkdtemp(), "log")
for epochs in (None, 2):
    printer = C.logging.ProgressPrinter(log_to_file=path, num_epochs=epochs)
    printer.end_progress_print("over")
    with open(path) as lines:
        found = lines.read().replace(path, "FILE")
    out.append([ord(letter) for letter in found])
"""
VALUES = {
    **_CONVOLUTIONS,
    **{expression: unary(expression) for expression in EXPRESSIONS},
    **{
        expression: f"x = C.input_variable((2, 5, 5)); f = {expression}; out += [f.eval({{x: images}}), f.shape]"
        for expression in _IMAGES
    },
}
TRAININGS = {
    **{f"train with {learner}": training(learner=learner) for learner in _LEARNERS},
    **{f"train {model}": training(model=model, learner=_SLOW) for model in _MODELS},
    **{f"minimize {loss}": training(loss=loss) for loss in _LOSSES},
    "constants": "out += [C.minus([1, 2, 3], [4, 5, 6]).eval(), C.times([[1, 2]], [[3], [4]]).eval()]",
    "one sample is a batch of one": f"{_X}out += [(2 * x).eval({{x: data[0]}}), (2 * x).eval({{x: [data[0]]}})]",
    "a network over another input": (
        "x = C.input_variable(3); v = C.input_variable(3); f = fill(C.layers.Dense(2)(x)); g = f(v / 2); "
        "out += [g.eval({v: labels}), f(labels), len(g.parameters)]"
    ),
    "clones": (
        "x = C.input_variable(3); f = fill(C.layers.Dense(2)(x)); "
        "out += [len(f.clone(method).parameters) for method in (C.CloneMethod.share, 'clone', 'freeze')]"
    ),
    "nodes by name": (
        "x = C.input_variable((2, 5, 5)); "
        "f = fill(C.layers.Sequential([C.layers.Convolution2D((3, 3), 4, name='first'),"
        " C.layers.Dense(3, name='second')])(x)); "
        "out += [f.first.shape, f.first.W.value, f.second.b.value, f.second.shape]"
    ),
    "the order of parameters": (
        "x = C.input_variable((2, 5, 5)); f = C.layers.Sequential([C.layers.Convolution2D((3, 3), 4),"
        " C.layers.BatchNormalization(map_rank=1), C.layers.Dense(3)])(x); out += [p.shape for p in f.parameters]"
    ),
    "how far initial weights go": "\n".join(
        f"out.append(round(float(np.abs(C.parameter((200, 100), init=C.{name}).value).{figure}()), 3))"
        for name, figure in (("glorot_uniform()", "max"), ("he_uniform()", "max"), ("xavier()", "max"),
                             ("uniform(0.1)", "max"), ("truncated_normal(0.1)", "max"))
    ),
    "what the text format means and what it refuses": _CTF.format(texts=_CTF_TEXTS),
    "two files joined by the ids of their lines": _TWO_FILES,
    "folders of models and checkpoints are made": _CHECKPOINTS,
    **{
        f"every checkpoint of {freq} samples preserved": _PRESERVED.replace("FREQUENCY", str(freq))
        for freq in (8, 10, None)
    },
    "parameters and names of branches": _BRANCHES,
    "how a log file begins and ends": _LOG_FILE,
    "a vector times a transposed vector": (
        "x, y = C.input_variable(3), C.input_variable(3); f = C.times_transpose(x, y); "
        "out += [f.shape, f.eval({x: labels, y: 2 * labels})]"
    ),
    "values of schedules": (
        "out += [[s[i] for i in (0, 4, 5, 9, 10, 99)] for s in (C.learning_rate_schedule([0.1] * 2 + [0.01],"
        " C.UnitType.minibatch, 5), C.learning_parameter_schedule([(2, 0.1), (1, 0.01)], 1, 5),"
        " C.momentum_schedule(0.5), C.learning_parameter_schedule([1, 2, 3]), C.minibatch_size_schedule([3, 5], 10))]"
    ),
    "one-hot values": (
        "x = C.input_variable(5, is_sparse=True); "
        "f = C.times(x, C.constant(np.arange(10).reshape(5, 2).astype(np.float32))); "
        "out += [f.eval({x: C.Value.one_hot(each, 5)}) for each in ([[1], [3]], [1, 3])]"
    ),
    "a training session": _SESSION + """
trainer = C.Trainer(z, (C.cross_entropy_with_softmax(z, y), C.classification_error(z, y)),
    [C.momentum_sgd(z.parameters, C.learning_parameter_schedule_per_sample([0.1, 0.05], 8), C.momentum_schedule(0.5))],
    [C.logging.ProgressPrinter(freq=3, log_to_file=path + ".log", num_epochs=3, test_freq=1)])
training, testing = source(C.io.INFINITELY_REPEAT), source(1)
def streams(of): return {x: of.streams.x, y: of.streams.y}
C.train.training_session(trainer=trainer, mb_source=training, mb_size=C.minibatch_size_schedule(3),
    model_inputs_to_streams=streams(training), max_samples=22, progress_frequency=8,
    test_config=C.TestConfig(testing, 5, streams(testing))).train()
lines = [line for line in open(path + ".log") if re.search("Minibatch|Finished|per ", line)]
out += [[float(v) for v in re.findall("[0-9.]+", re.sub(r"[0-9.]+s .*", "", line))] for line in lines]
""",
    **{
        f"cross-validation every {often} of {most}": _CROSS.replace("OFTEN", often).replace("MOST", str(most))
        for often in ("8", "(4, C.DataUnit.minibatch)", "(1, C.DataUnit.sweep)", "None")
        for most in (None, 7)
    },
    "minibatches of a source": _SESSION + """
for sweeps in (1, 2, 3, C.io.INFINITELY_REPEAT):
    reader = source(sweeps)
    for _ in range(12):
        data = reader.next_minibatch(3)
        if data:
            found = data[reader.streams.x]
            out += [found.num_samples, found.end_of_sweep, np.array(found.asarray()).reshape(-1, 50)[:, 0].copy()]
            del found, data  # real CNTK's next read fails sometimes while its memory is still referenced
""",
    "a log of a geometric schedule": _SESSION + """
trainer = C.Trainer(z, (C.cross_entropy_with_softmax(z, y), C.classification_error(z, y)),
    [C.sgd(z.parameters, C.learning_rate_schedule(0.1, C.UnitType.minibatch))],
    C.logging.ProgressPrinter(0, log_to_file=path + ".log"))
for i in range(10):
    trainer.train_minibatch({x: images[:4], y: labels[:4]})
out += [[float(v) for v in line.split()] for line in open(path + ".log") if re.match(" +[0-9]", line)]
""",
}  # fmt: skip
