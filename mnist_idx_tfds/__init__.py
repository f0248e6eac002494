"""Image classification data in IDX files as a TensorFlow dataset.

Importing the package registers `mnist_idx_tfds` with TFDS.
"""

from mnist_idx_tfds.idx_config import IdxConfig
from mnist_idx_tfds.mnist_idx_tfds_dataset_builder import Builder

__all__ = ["Builder", "IdxConfig"]
