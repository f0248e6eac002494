"""Whether images are drawings, by how much of them is paper."""

import numpy as np
import tensorflow as tf

from trainer.data import augmentation, records
from trainer.data.split import Split

_SAMPLE = 1000  # Images that tell it.
_NEAR = 8.0  # Levels by which paper differs from itself.


def are_most(split: Split) -> bool:
    """Whether most images of a split are drawings: most of their pixels are paper.

    Paper is what is as bright as the median of an image's border. Of letters, digits and
    sketches it is .6 to .9 of the pixels, of photographs .05 to .4; between these are
    things before a plain ground, such as clothes.
    """
    shares = []
    for images, _ in records.unoptimized(split.batches(most=_SAMPLE)):
        pixels = tf.cast(images, tf.float32)
        is_paper = tf.abs(pixels - augmentation.border_median(pixels)) <= _NEAR
        shares.append(tf.reduce_mean(tf.cast(is_paper, tf.float32), [1, 2, 3]).numpy())
    return float(np.median(np.concatenate(shares))) > 0.5
