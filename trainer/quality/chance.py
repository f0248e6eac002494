"""Whether a network does better than one that has learned nothing."""

import math
from typing import NamedTuple

import numpy as np

_Z = 1.959963984540054  # Between it and its negative lies 95% of a normal distribution.


class Verdict(NamedTuple):
    """What a network is judged by, and how good it is by that.

    Attributes:
      name: "accuracy", or "balanced accuracy", the mean of the accuracies of the
        classes that have examples.
      value: of the network, 0 to 1.
      interval: ends of the 95% interval of the value.
      constant: the best value of whoever always gives the same answer.
    """

    name: str
    value: float
    interval: tuple[float, float]
    constant: float

    @property
    def note(self) -> str | None:
        """What to say of a network that is not clearly better than a constant answer.

        A line for people, or None: the value is above the other by more than chance, or
        1, or there is one class alone, in which the two cannot be told apart.
        """
        if self.interval[0] > self.constant or self.value == 1 or self.constant == 1:
            return None
        better = "no better" if self.value <= self.constant else "not clearly better"
        digits = next(
            (n for n in range(4, 9) if self._said(n)[0] != self._said(n)[1]), 4
        )
        value, constant = self._said(digits)
        answer = "the most frequent class" if self.name == "accuracy" else "one class"
        return (
            f"{self.name.capitalize()} {value} is {better} than {constant}, that of "
            f"always giving {answer}. Try more --epochs, a smaller --learning_rate, or, "
            "where classes are uneven, another --class_weight. Are the labels those of "
            "the images? A report (--workdir) shows mistakes with their labels, and "
            "python -m mnist_idx_tfds.idx DIR says what is odd about a set of files."
        )

    def _said(self, digits: int) -> tuple[str, str]:
        return f"{self.value:.{digits}f}", f"{self.constant:.{digits}f}"


def of_accuracy(correct: int, most: int, examples: int) -> Verdict:
    """Returns the verdict by accuracy.

    Args:
      correct: examples that are predicted right.
      most: examples of the most frequent class.
      examples: how many there are, at least 1.
    """
    interval = wilson(correct, examples)
    return Verdict("accuracy", correct / examples, interval, most / examples)


def of_classes(correct: np.ndarray, examples: np.ndarray) -> Verdict:
    """Returns the verdict by balanced accuracy.

    Its interval puts together Wilson's of the classes, as the variances of independent
    means are added: the method MOVER (Donner & Zou, "Closed-form confidence intervals for
    functions of the normal mean and standard deviation", 2012).

    Args:
      correct: examples of each class that are predicted right, int `(classes,)`.
      examples: examples of each class, of the same form, one of them at least 1.
    """
    pairs = [
        (c, n) for c, n in zip(correct.tolist(), examples.tolist(), strict=True) if n
    ]
    shares = np.array([c / n for c, n in pairs])
    ends = np.array([wilson(c, n) for c, n in pairs])
    value = float(shares.mean())
    low, high = np.sqrt(((ends - shares[:, np.newaxis]) ** 2).sum(axis=0)) / len(pairs)
    interval = max(0.0, value - float(low)), min(1.0, value + float(high))
    return Verdict("balanced accuracy", value, interval, 1 / len(pairs))


def wilson(correct: int, examples: int) -> tuple[float, float]:
    """Returns the ends of the 95% Wilson score interval of a share.

    Unlike the normal approximation it has a width where all or none are right.

    Args:
      correct: how many are right.
      examples: of how many, at least 1.
    """
    share, spread = correct / examples, _Z * _Z / examples
    middle = share + spread / 2
    half = math.sqrt(spread * (share * (1 - share) + spread / 4))
    low, high = ((middle + sign * half) / (1 + spread) for sign in (-1, 1))
    # At the ends it reaches 0 and 1, but for rounding.
    return (low if correct else 0.0), (high if correct < examples else 1.0)
