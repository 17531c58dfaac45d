"""The quickstart's network by CNTK's API, its minibatches shared among all workers; a job of the tests.

    convnet_cntk.py CTF_FILE [OPTIONS]

It has no dropout, since each worker would drop others. After each epoch the first worker prints the mean loss of its
samples: `epoch 1: loss = 2.30`.
"""

import argparse

import cntk
from cntk.train.distributed import Communicator, data_parallel_distributed_learner

SAMPLES = 1 << 30  # more than there are


def network(images):
    """Three convolutions and two dense layers."""
    with cntk.layers.default_options(init=cntk.he_normal(), activation=cntk.relu, pad=False):
        model = cntk.layers.Sequential(
            [
                cntk.layers.Convolution2D((5, 5), 32, pad=True),
                cntk.layers.MaxPooling((3, 3), (2, 2)),
                cntk.layers.Convolution2D((3, 3), 48),
                cntk.layers.MaxPooling((3, 3), (2, 2)),
                cntk.layers.Convolution2D((3, 3), 64),
                cntk.layers.Dense(96),
                cntk.layers.Dense(10, activation=None),
            ]
        )
    return model(cntk.element_times(cntk.constant(1.0 / 256), images))


def reader(path):
    """The samples of a file, repeated, in an order that is the same for all workers."""
    streams = cntk.io.StreamDefs(
        features=cntk.io.StreamDef(field="features", shape=784), labels=cntk.io.StreamDef(field="labels", shape=10)
    )
    return cntk.io.MinibatchSource(cntk.io.CTFDeserializer(path, streams), randomize=True, randomization_seed=1)


def learner_for(model, options):
    """Momentum SGD, whose rate falls after the first sweep over the data; it learns with all workers."""
    rate = options.rate / options.minibatch  # per sample
    rates = cntk.learning_parameter_schedule_per_sample([rate, rate / 2])
    alone = cntk.momentum_sgd(model.parameters, rates, cntk.momentum_as_time_constant_schedule(options.minibatch))
    return alone if options.unshared else data_parallel_distributed_learner(alone)


def train(options):
    """Train, and print the loss of each epoch."""
    cntk.cntk_py.set_fixed_random_seed(1)
    images, labels = cntk.input_variable((1, 28, 28)), cntk.input_variable(10)
    model = network(images)
    loss = cntk.cross_entropy_with_softmax(model, labels)
    trainer = cntk.Trainer(model, (loss, cntk.classification_error(model, labels)), [learner_for(model, options)])
    source = reader(options.data)
    streams = {images: source.streams.features, labels: source.streams.labels}
    for epoch in range(options.epochs):
        total, minibatch_samples, sample_count = 0.0, 0, 0
        while sample_count < options.samples:
            size = min(options.minibatch, options.samples - sample_count)
            data = source.next_minibatch(
                size, streams, num_data_partitions=Communicator.num_workers(), partition_index=Communicator.rank()
            )
            trainer.train_minibatch(data)
            total += trainer.previous_minibatch_loss_average * trainer.previous_minibatch_sample_count
            minibatch_samples += trainer.previous_minibatch_sample_count
            sample_count += size
        if Communicator.rank() == 0:
            print(f"epoch {epoch + 1}: loss = {total / minibatch_samples:.7f}", flush=True)


parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("--samples", type=int, required=True, help="in the file")
parser.add_argument("--minibatch", type=int, required=True, help="samples, of all workers together")
parser.add_argument("--epochs", type=int, required=True)
parser.add_argument("--rate", type=float, required=True, help="for a whole minibatch")
parser.add_argument("--unshared", action="store_true", help="each worker learns from its own samples alone")
train(parser.parse_args())
Communicator.finalize()
