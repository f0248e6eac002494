"""What a run has to say of the network that it trained."""

from typing import Any

from trainer.data import source
from trainer.data.pipeline import Data
from trainer.network.card import Card
from trainer.picture import fit

_SAMPLE = 300  # Images that tell how pictures are fitted.


def of(what: dict[str, Any], data: Data) -> Card:
    """Returns the card of a run's network.

    Args:
      what: the run is, as `hyperparameters.described` has it.
      data: what it was trained on; some of its images are read once more.
    """
    (images, _), *_ = data.train.batches(_SAMPLE, _SAMPLE)
    return Card(
        label_names=data.train.label_names,
        image_shape=data.train.image_shape,
        fit=fit.measured(images.numpy()),
        settings=what,
        digests=source.digests(data.train.builder),
    )
