"""The smallest training that saves a model: one dense layer, one pass. It replaces the quickstart's script."""

import sys
from pathlib import Path

import cntk

data, models = sys.argv[1:3]
streams = cntk.io.StreamDefs(
    features=cntk.io.StreamDef(field="features", shape=784), labels=cntk.io.StreamDef(field="labels", shape=10)
)
source = cntk.io.MinibatchSource(
    cntk.io.CTFDeserializer(str(Path(data) / "Train-28x28_cntk_text.txt"), streams), randomize=True, max_sweeps=1
)
images, labels = cntk.input_variable(784), cntk.input_variable(10)
model = cntk.layers.Dense(10, activation=None)(cntk.element_times(cntk.constant(1.0 / 256), images))
criterion = (cntk.cross_entropy_with_softmax(model, labels), cntk.classification_error(model, labels))
rate = cntk.learning_parameter_schedule_per_sample(0.01)
trainer = cntk.Trainer(model, criterion, [cntk.sgd(model.parameters, rate)])
while True:
    batch = source.next_minibatch(64, input_map={images: source.streams.features, labels: source.streams.labels})
    if not batch:
        break
    trainer.train_minibatch(batch)
sys.stderr.write("loss = %.4f\n" % trainer.previous_minibatch_loss_average)  # noqa: UP031
model.save(str(Path(models) / "quickstart.dnn"))
