"""Whether images are photographs, by how little of them is a plain ground."""

import numpy as np
import tensorflow as tf

from trainer.data import augmentation, records
from trainer.data.split import Split

_SAMPLE = 1000  # Images that tell it.
_NEAR = 8.0  # Levels by which a plain ground differs from itself.
_MOST = 0.25  # Of the pixels of a photograph, what may be ground.


def are_most(split: Split) -> bool:
    """Whether most images of a split are photographs that fill their frame.

    Ground is what is as bright as the median of an image's border. Of photographs of
    surfaces, scenes and bodies it is .05 to .25 of the pixels, of letters and sketches .6
    to .9. Between these are signs and things before a plain ground.
    """
    shares = []
    for images, _ in records.unoptimized(split.batches(most=_SAMPLE)):
        pixels = tf.cast(images, tf.float32)
        is_ground = tf.abs(pixels - augmentation.border_median(pixels)) <= _NEAR
        shares.append(tf.reduce_mean(tf.cast(is_ground, tf.float32), [1, 2, 3]).numpy())
    return float(np.median(np.concatenate(shares))) < _MOST
