"""What people train without tuning it: the peers of accuracy, each a program's run.

    python -m benchmarks.classifiers svc|trees|convnet DIR SEED

trains on the four IDX files in DIR, all pixels divided by 255, and ends with a line
`final  test_accuracy 0.9777`. The first two are scikit-learn's on flat pixels. The
third is keras.io's convnet as its page has it: the last tenth of the training part is
held back, for nothing.
"""

import pathlib
import sys
from collections.abc import Callable

import numpy as np

from benchmarks import convnet
from benchmarks.files import arrays

Part = tuple[np.ndarray, np.ndarray]  # Images `(n, height, width, 1)`, labels `(n,)`.


def svc(train: Part, test: Part, seed: int) -> float:
    """Returns the accuracy of a support vector machine, on which no seed has a say."""
    from sklearn.svm import SVC

    return _fitted(SVC(C=10), train, test)


def trees(train: Part, test: Part, seed: int) -> float:
    """Returns the accuracy of 300 extremely randomized trees."""
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(300, random_state=seed, n_jobs=-1)
    return _fitted(model, train, test)


def keras_convnet(train: Part, test: Part, seed: int) -> float:
    """Returns the accuracy of keras.io's convnet."""
    import keras

    keras.utils.set_random_seed(seed)
    num_classes = 1 + int(max(train[1].max(), test[1].max()))
    model = convnet.network(train[0].shape[1:], num_classes)
    model.fit(
        train[0],
        keras.utils.to_categorical(train[1], num_classes),
        batch_size=convnet.BATCH_SIZE,
        epochs=convnet.EPOCHS,
        validation_split=0.1,
        verbose=0,
    )
    labels = keras.utils.to_categorical(test[1], num_classes)
    return model.evaluate(test[0], labels, verbose=0)[1]


CLASSIFIERS: dict[str, Callable[[Part, Part, int], float]] = {
    "svc": svc,
    "trees": trees,
    "convnet": keras_convnet,
}


def _fitted(model, train: Part, test: Part) -> float:
    (x_train, y_train), (x_test, y_test) = train, test
    model.fit(x_train.reshape(len(x_train), -1), y_train)
    return model.score(x_test.reshape(len(x_test), -1), y_test)


def _main(name: str, folder: str, seed: str) -> None:
    train, test = (arrays(pathlib.Path(folder), split) for split in ("train", "test"))
    accuracy = CLASSIFIERS[name](train, test, int(seed))
    print(f"final  test_accuracy {accuracy:.4f}")


if __name__ == "__main__":
    _main(*sys.argv[1:])
