"""One training run."""

import dataclasses

import keras

from trainer import callbacks, input_pipeline
from trainer.device import Device
from trainer.model import MODELS

_WARMUP = 0.1  # of all steps
_FIRST_RATE = 0.1  # of the peak
_BETA_2 = 0.99  # Adam's usual 0.999 looks back further than so short a run is long.


@dataclasses.dataclass(frozen=True)
class Settings:
    """What decides the outcome of a run, beside the data.

    Attributes:
      model: name of the network, a key of `model.MODELS`.
      epochs: passes over the training split.
      batch_size: examples a step.
      learning_rate: Adam's peak rate, reached after a tenth of all steps and then
        decayed by a cosine to zero.
      log_every: steps between lines of the log.
      seed: of the initial weights and the order of examples.
    """

    model: str
    epochs: int
    batch_size: int
    learning_rate: float
    log_every: int
    seed: int


def run(
    settings: Settings, data: input_pipeline.Data, device: Device
) -> dict[str, float]:
    """Trains a network, printing as it goes, and evaluates it after each epoch.

    Args:
      settings: what to do.
      data: what to train and evaluate on.
      device: what TensorFlow computes on, for the opening line.

    Returns:
      `loss` and `accuracy` of the trained model on the evaluation split.

    Raises:
      TrainerError: the images are too small for the network.
    """
    keras.utils.set_random_seed(settings.seed)
    network = MODELS[settings.model].build(data.image_shape, len(data.label_names))
    steps = -(-data.train_examples // settings.batch_size)
    network.compile(
        optimizer=keras.optimizers.Adam(_schedule(settings, steps), beta_2=_BETA_2),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        # Each execution ends with a wait for its logs: one a line of the log.
        steps_per_execution=min(settings.log_every, steps),
        # Keras would look at all GPUs, hidden ones too; on a CPU XLA is slower.
        jit_compile="auto" if device.kind == "GPU" else False,
    )
    height, width, channels = data.image_shape
    print(
        f"{device.description}  {data.name}: {data.train_examples:,} training and "
        f"{data.eval_examples:,} evaluation images, {height}x{width}x{channels}, "
        f"{len(data.label_names)} classes, from {data.feed}  {settings.model} with "
        f"{network.count_params():,} parameters  {steps:,} steps an epoch",
        flush=True,
    )
    history = network.fit(
        data.train,
        epochs=settings.epochs,
        validation_data=data.evaluate,
        shuffle=False,  # The pipeline has done it.
        verbose=0,
        callbacks=[
            callbacks.WindowLog(
                data.train_examples, settings.batch_size, settings.log_every
            ),
            callbacks.EvaluationLog(),
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: data.set_epoch(epoch)
            ),
        ],
    )
    loss = history.history["val_loss"][-1]
    accuracy = history.history["val_accuracy"][-1]
    print(f"final  test_loss {loss:.4f}  test_accuracy {accuracy:.4f}", flush=True)
    return {"loss": loss, "accuracy": accuracy}


def _schedule(settings: Settings, steps: int) -> keras.optimizers.schedules.CosineDecay:
    total = settings.epochs * steps
    warmup = max(1, round(_WARMUP * total))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=_FIRST_RATE * settings.learning_rate,
        warmup_target=settings.learning_rate,
        warmup_steps=warmup,
        decay_steps=max(1, total - warmup),
    )
