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
VALUES = {
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
            out += [found.num_samples, found.end_of_sweep, np.asarray(found.asarray()).reshape(-1, 50)[:, 0]]
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
