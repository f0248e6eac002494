"""What a run has to say of the network that it trained."""

from typing import Any

import keras

from trainer.data import source
from trainer.data.pipeline import Data
from trainer.machine import shares
from trainer.network import familiar, models
from trainer.network.card import Card
from trainer.picture import fit

_SAMPLE = 300  # Images that tell how pictures are fitted.


def of(network: keras.Model, what: dict[str, Any], data: Data) -> Card:
    """Returns the card of a run's network.

    Args:
      network: trained, on one device.
      what: the run is, as `hyperparameters.described` has it.
      data: what it was trained on; some of its images are read once more.
    """
    how = "whole"
    if data.train.image_shape[-1] == 1:  # Pictures in color are taken whole.
        most = shares.at_once(data.train.image_shape, _SAMPLE)
        (images, _), *_ = data.train.batches(most, most)
        how = fit.measured(images.numpy())
    some = data.train.batches(most=models.of(what["model"]).asked)
    known = familiar.measured(network, (images.numpy() for images, _ in some))
    return Card(
        label_names=data.train.label_names,
        image_shape=data.train.image_shape,
        fit=how,
        settings=what,
        digests=source.digests(data.train.builder),
        calibration=known and {"familiar": known},
    )
