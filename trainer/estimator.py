"""The trainer as an estimator of scikit-learn, which must be installed for it."""

import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_array,
    check_is_fitted,
    check_non_negative,
    check_X_y,
)

from trainer.classifier import Classifier
from trainer.errors import TrainerError


class ImageClassifier(ClassifierMixin, BaseEstimator):
    """A network for images, in pipelines and under cross-validation.

    Images are arrays `(n, height, width)`, with 1 or 3 channels last or without, or rows
    of pixels `(n, features)`, of whole numbers from 0 to 255.

    Args:
      model: as of `training.train`, like all that follow but for the last four.
      epochs: passes over the images.
      minutes: to train in, instead.
      batch_size: images a step.
      learning_rate: at its peak.
      augment: whether to change images at random.
      class_weight: "auto", "balanced" or "none".
      image_shape: height, width and channels of rows of pixels; None for square gray
        images.
      random_state: seed of all that is random; None for another one each time.
      device: as of `Classifier.fit`.
      verbose: as of `Classifier.fit`.

    Attributes:
      classes_: the labels, sorted.
      n_features_in_: numbers in an image.
      classifier_: the trained `Classifier`.
    """

    def __init__(
        self,
        model: str | None = None,
        epochs: int | None = None,
        minutes: float | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        augment: str = "auto",
        class_weight: str = "auto",
        image_shape: tuple[int, ...] | None = None,
        random_state: Any = 0,
        device: str = "auto",
        verbose: bool = False,
    ) -> None:
        self.model = model
        self.epochs = epochs
        self.minutes = minutes
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.augment = augment
        self.class_weight = class_weight
        self.image_shape = image_shape
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> "ImageClassifier":  # noqa: N803
        """Trains on images and their labels, all of them.

        Raises:
          TrainerError: they cannot be used, or an argument cannot.
        """
        X, labels = check_X_y(X, y, allow_nd=True, estimator=self)  # noqa: N806
        check_non_negative(X, "ImageClassifier")
        check_classification_targets(labels)
        images = self._images(X)
        self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            raise TrainerError("y: expected two classes at least, found 1 class")
        seed = self.random_state
        if not isinstance(seed, int):
            seed = int(check_random_state(seed).randint(2**31 - 1))
        self.classifier_ = Classifier.fit(
            (images, labels),
            device=self.device,
            verbose=self.verbose,
            seed=seed,
            model=self.model,
            epochs=self.epochs,
            minutes=self.minutes,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            augment=self.augment,
            class_weight=self.class_weight,
        )
        self.n_features_in_ = math.prod(X.shape[1:])
        return self

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Returns the probabilities of `classes_`, float32 `(n, classes)`."""
        check_is_fitted(self)
        X = check_array(X, allow_nd=True, estimator=self)  # noqa: N806
        if (found := math.prod(X.shape[1:])) != self.n_features_in_:
            raise TrainerError(
                f"X has {found} features, but ImageClassifier is expecting "
                f"{self.n_features_in_} features as input"
            )
        return self.classifier_.predict_proba(self._images(X))

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Returns the label of each image."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def _images(self, array: np.ndarray) -> np.ndarray:
        from trainer.data import arrays

        if array.ndim == 2:
            side = math.isqrt(array.shape[1])
            shape = tuple(self.image_shape or (side, side))
            if math.prod(shape) != array.shape[1]:
                raise TrainerError(
                    f"X: expected rows of square gray images, or image_shape=, found rows "
                    f"of {array.shape[1]} features"
                )
            array = array.reshape(-1, *shape)
        return arrays.images(array)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.positive_only = True
        return tags
