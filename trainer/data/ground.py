"""How much of images is plain ground, which tells drawings from photographs."""

import numpy as np
import tensorflow as tf

from trainer.data import augmentation, records
from trainer.data.split import Split

_SAMPLE = 1000  # Images that tell it.
_NEAR = 8.0  # Levels by which a plain ground differs from itself.


def share(split: Split) -> float:
    """Returns the share of an image's pixels that are ground, the median over images.

    Ground is what is as bright as the median of an image's border. It is .05 to .25 of
    photographs of surfaces, scenes and bodies, .6 to .9 of letters and sketches, and
    between these of signs and of things before a plain one.
    """
    shares = []
    for images, _ in records.unoptimized(split.batches(most=_SAMPLE)):
        pixels = tf.cast(images, tf.float32)
        is_ground = tf.abs(pixels - augmentation.border_median(pixels)) <= _NEAR
        shares.append(tf.reduce_mean(tf.cast(is_ground, tf.float32), [1, 2, 3]).numpy())
    return float(np.median(np.concatenate(shares)))
