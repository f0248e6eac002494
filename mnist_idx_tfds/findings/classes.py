"""What is odd about the classes of a set: which there are, and how many images of each."""

from collections.abc import Iterator, Sequence

import numpy as np

from mnist_idx_tfds.findings.finding import (
    SHOWN,
    Finding,
    Place,
    class_name,
    class_names,
    have,
    percent,
)
from mnist_idx_tfds.findings.tally import Tally

_MAJORITY, _CRUSHING = 0.6, 0.9  # Shares of one class from which it is said, and grave.
_FEW = 5  # Test images of a class, fewer of which say nothing of it.
_APART = 0.1  # Of the test images, those of other classes than training has them,
_SURE = 5  # at so many deviations from what chance makes of equal shares.


def find(
    train: Tally, test: Tally, num_classes: int, names: Sequence[str] | None
) -> Iterator[Finding]:
    """Yields what is odd; see `findings.find`."""
    in_train, in_test = train.counts(num_classes), test.counts(num_classes)
    if unseen := np.flatnonzero((in_test > 0) & (in_train == 0)).tolist():
        count = int(in_test[unseen].sum())
        places = np.flatnonzero(np.isin(test.labels, unseen))[:SHOWN].tolist()
        yield Finding(
            "unseen_labels",
            True,
            f"{count:,} of {test.images:,} test images ({percent(count / test.images)}) "
            f"{have(count)} {class_names(unseen, names)}, which no training image has: no "
            f"training can pass {1 - count / test.images:.4f}",
            count,
            tuple(
                (Place("test", n, class_name(int(test.labels[n]), names)),)
                for n in places
            ),
        )
    alone = [part for part in (train, test) if len(np.unique(part.labels)) == 1]
    for part in alone:
        name = "training" if part is train else "test"
        follows = "there is nothing to learn"
        if part is test:
            follows = "accuracy says nothing of other classes"
        yield Finding(
            "one_class",
            True,
            f"all {part.images:,} {name} images have "
            f"{class_name(int(part.labels[0]), names)}: {follows}",
            part.images,
        )
    largest = int(in_test.argmax())
    share = int(in_test[largest]) / test.images
    has_majority = share > _MAJORITY and test not in alone
    if has_majority:
        yield Finding(
            "majority",
            share >= _CRUSHING,
            f"{in_test[largest]:,} of {test.images:,} test images ({percent(share)}) "
            f"have {class_name(largest, names)}: always giving that answer has accuracy "
            f"{share:.4f}",
            int(in_test[largest]),
        )
    if not unseen and not alone and not has_majority:
        yield from _of_shares(in_train, in_test, names)
    if empty := np.flatnonzero((in_test == 0) & (in_train == 0)).tolist():
        yield Finding(
            "empty_classes",
            False,
            f"{len(empty):,} of {num_classes:,} classes {have(len(empty))} no images: "
            f"{class_names(empty, names)}",
            len(empty),
        )
    if untested := np.flatnonzero((in_test == 0) & (in_train > 0)).tolist():
        yield Finding(
            "untested_classes",
            False,
            f"{len(untested):,} of {num_classes:,} classes {have(len(untested))} training "
            f"images and no test image: {class_names(untested, names)}",
            len(untested),
        )
    if few := np.flatnonzero((in_test > 0) & (in_test < _FEW)).tolist():
        yield Finding(
            "few_tested",
            False,
            f"{len(few):,} of {num_classes:,} classes {have(len(few))} fewer than {_FEW} "
            f"test images, which say little of {'it' if len(few) == 1 else 'them'}: "
            f"{class_names(few, names)}",
            len(few),
        )


def _of_shares(
    in_train: np.ndarray, in_test: np.ndarray, names: Sequence[str] | None
) -> Iterator[Finding]:
    """Yields that classes have other shares in test than in training, if it is so."""
    both = (in_train > 0) & (in_test > 0)
    train, test = (
        np.where(both, part, 0).astype(float) for part in (in_train, in_test)
    )
    shares, test_shares = train / train.sum(), test / test.sum()
    apart = np.abs(shares - test_shares)
    # Chi-square of two samples; its mean is the degrees of freedom, twice that its square.
    sizes = train.sum(), test.sum()
    terms = train * (sizes[1] / sizes[0]) ** 0.5 - test * (sizes[0] / sizes[1]) ** 0.5
    chi_square = (terms[both] ** 2 / (train + test)[both]).sum()
    freedom = max(1, int(both.sum()) - 1)
    if apart.sum() / 2 > _APART and chi_square > freedom + _SURE * (2 * freedom) ** 0.5:
        most = int(apart.argmax())
        yield Finding(
            "other_shares",
            False,
            f"classes have other shares in test than in training, most of all "
            f"{class_name(most, names)}: {percent(test_shares[most])} of test and "
            f"{percent(shares[most])} of training images",
            int(both.sum()),
        )
