"""Train a small convolutional network on handwritten digits with CNTK 2.x, and say how well it reads them.

    ConvNet_MNIST.py DATA_DIR MODEL_DIR [OPTIONS]      --help tells of them

DATA_DIR holds Train-28x28_cntk_text.txt and Test-28x28_cntk_text.txt, in CNTK's text format. As in CNTK, an epoch is a
number of samples: the training data once, or 9,000 where there are fewer. After each epoch the network is saved as
MODEL_DIR/ConvNet_MNIST_<epochs trained>.dnn. The log goes to stderr; its last line is the error on the test data,
"Final test errs = 2.20% * 1000". Runs on Python 3.6 and later.
"""

import argparse
import contextlib
import sys
from pathlib import Path

import cntk
import numpy as np

CLASSES = 10
IMAGE = (1, 28, 28)
TEST_MINIBATCH = 1000
SHORTEST_EPOCH = 9000  # small data is gone through several times; on 1,500 samples one sweep hardly begins to learn


def count_samples(path):
    """Samples in a text file of one sample per line."""
    with path.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


def reader(path, training):
    """Minibatches of a file: shuffled without end for training, one ordered sweep for testing."""
    streams = cntk.io.StreamDefs(
        features=cntk.io.StreamDef(field="features", shape=int(np.prod(IMAGE))),
        labels=cntk.io.StreamDef(field="labels", shape=CLASSES),
    )
    sweeps = cntk.io.INFINITELY_REPEAT if training else 1
    return cntk.io.MinibatchSource(cntk.io.CTFDeserializer(str(path), streams), randomize=training, max_sweeps=sweeps)


def network(images):
    """Three convolutions and two dense layers: 98,778 parameters in 10 tensors."""
    scaled = cntk.element_times(cntk.constant(1.0 / 256), images)
    with cntk.layers.default_options(activation=cntk.relu, pad=False):
        model = cntk.layers.Sequential(
            [
                cntk.layers.Convolution2D((5, 5), 32, pad=True),
                cntk.layers.MaxPooling((3, 3), (2, 2)),
                cntk.layers.Convolution2D((3, 3), 48),
                cntk.layers.MaxPooling((3, 3), (2, 2)),
                cntk.layers.Convolution2D((3, 3), 64),
                cntk.layers.Dense(96),
                cntk.layers.Dropout(0.5),
                cntk.layers.Dense(CLASSES, activation=None),
            ]
        )
    return model(scaled)


def trainer_for(model, criterion, rate, epoch_size, epochs):
    """Momentum SGD whose rate falls after 10 and 20 epochs and whose momentum starts after 5."""
    rates = cntk.learning_parameter_schedule_per_sample(
        [rate] * 10 + [rate / 2] * 10 + [rate / 10], epoch_size=epoch_size
    )
    momentum = cntk.momentum_as_time_constant_schedule([0] * 5 + [1024], epoch_size)
    learner = cntk.momentum_sgd(model.parameters, rates, momentum)
    printer = cntk.logging.ProgressPrinter(tag="Training", num_epochs=epochs)
    return cntk.Trainer(model, criterion, [learner], [printer])


def train_epoch(trainer, source, input_map, minibatch_size, epoch_size):
    """One epoch."""
    seen = 0
    while seen < epoch_size:
        data = source.next_minibatch(min(minibatch_size, epoch_size - seen), input_map=input_map)
        trainer.train_minibatch(data)
        seen += trainer.previous_minibatch_sample_count
    trainer.summarize_training_progress()


def test_error(trainer, source, input_map, labels):
    """The share of the test data read wrongly, and how many samples that is out of."""
    wrong, seen = 0.0, 0
    data = source.next_minibatch(TEST_MINIBATCH, input_map=input_map)
    while data:
        samples = data[labels].num_samples
        wrong += trainer.test_minibatch(data) * samples
        seen += samples
        data = source.next_minibatch(TEST_MINIBATCH, input_map=input_map)
    if not seen:
        raise SystemExit("ConvNet_MNIST: the test data holds no sample")
    return wrong / seen, seen


def run(options):
    """Train, test and save as the command line asks."""
    if options.seed is not None:
        cntk.cntk_py.set_fixed_random_seed(options.seed)
    train_file = options.data_dir / "Train-28x28_cntk_text.txt"
    test_file = options.data_dir / "Test-28x28_cntk_text.txt"
    samples = count_samples(train_file)
    if not samples:
        raise SystemExit(f"ConvNet_MNIST: {train_file} holds no sample")
    epoch_size = options.epoch_size or max(samples, SHORTEST_EPOCH)
    sys.stderr.write(f"{samples} samples to train on, {epoch_size} to an epoch\n")
    options.model_dir.mkdir(parents=True, exist_ok=True)
    images, labels = cntk.input_variable(IMAGE), cntk.input_variable(CLASSES)
    model = network(images)
    criterion = (cntk.cross_entropy_with_softmax(model, labels), cntk.classification_error(model, labels))
    trainer = trainer_for(model, criterion, options.learning_rate, epoch_size, options.epochs)
    cntk.logging.log_number_of_parameters(model)

    source = reader(train_file, training=True)
    input_map = {images: source.streams.features, labels: source.streams.labels}
    for epoch in range(options.epochs):
        train_epoch(trainer, source, input_map, options.minibatch_size, epoch_size)
        sys.stderr.flush()
        model.save(str(options.model_dir / f"ConvNet_MNIST_{epoch + 1}.dnn"))
    if not options.epochs:
        model.save(str(options.model_dir / "ConvNet_MNIST_0.dnn"))

    source = reader(test_file, training=False)
    input_map = {images: source.streams.features, labels: source.streams.labels}
    error, samples = test_error(trainer, source, input_map, labels)
    sys.stderr.write(f"Final test errs = {100 * error:.2f}% * {samples}\n")


def at_least(minimum):
    """A whole number from ``minimum`` on, for argparse."""

    def whole(text):
        value = int(text)
        if value < minimum:
            raise argparse.ArgumentTypeError(f"{value} is less than {minimum}")
        return value

    return whole


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train a convolutional network on MNIST.")
    parser.add_argument("data_dir", type=Path, help="directory with the two text files")
    parser.add_argument("model_dir", type=Path, help="directory to save the network in")
    parser.add_argument("--epochs", type=at_least(0), default=40, help="default 40; 0 tests the untrained network")
    parser.add_argument("--epoch-size", type=at_least(1), default=None, help="samples; default the data, at least 9000")
    parser.add_argument("--learning-rate", type=float, default=0.001, help="per sample, at the start; default 0.001")
    parser.add_argument("--minibatch-size", type=at_least(1), default=64, help="samples; default 64")
    parser.add_argument("--seed", type=at_least(0), default=None, help="of the weights and the dropout")
    options = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):  # CNTK's own progress lines go to stdout
        run(options)


if __name__ == "__main__":
    main()
