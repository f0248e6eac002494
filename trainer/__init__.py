"""Trains a convolutional network on image classification data in IDX files.

`from trainer import Classifier` does the same in a program or a notebook, and
`ImageClassifier` is an estimator for scikit-learn.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.classifier import Classifier
    from trainer.estimator import ImageClassifier

__all__ = ["Classifier", "ImageClassifier"]


def __getattr__(name: str) -> Any:
    # On first use: the programs need not wait for what they do not use.
    if name == "Classifier":
        from trainer import classifier

        return classifier.Classifier
    if name == "ImageClassifier":
        from trainer import estimator

        return estimator.ImageClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
