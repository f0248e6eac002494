"""A network and its card as one object: the trainer for programs and notebooks."""

import dataclasses
import os
import pathlib
import tempfile
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from trainer import settings, signals
from trainer.errors import TrainerError
from trainer.machine import device as devices
from trainer.machine import shares
from trainer.machine.quiet import quiet

if TYPE_CHECKING:
    import keras
    import numpy as np

    from trainer.machine.device import Device
    from trainer.network.card import Card
    from trainer.picture.classify import Prediction
    from trainer.quality.evaluation import Evaluation

PathLike = str | os.PathLike[str]
_JUDGED = 1000  # Training images that a run without others to test on is judged by.
_BATCH = 500  # Images, unless they are large.


class Classifier:
    """A network that knows its classes and its pixels, wherever it is carried.

    What can be mended is a `TrainerError` or an `idx.IdxError`, both of them a
    `ValueError` whose message is one line.

    Attributes:
      network: from uint8 images `(n, height, width, channels)` to class probabilities
        `(n, classes)`; a model of Keras.
      card: its classes, how pictures are fitted to it, and where it is from.

    Example:
      model = Classifier.fit("DIR", epochs=4)
      model.evaluate("DIR").accuracy
      model.predict(["a.png"])[0].name
      model.save("m.keras")
    """

    def __init__(self, network: "keras.Model", card: "Card") -> None:
        self.network, self.card = network, card

    def __repr__(self) -> str:
        sizes = "x".join(map(str, self.card.image_shape))
        name = self.card.settings.get(settings.DATASET, "unknown data")
        return f"<Classifier of {sizes} in {len(self.classes)} classes, of {name}>"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their labels."""
        return self.card.label_names

    @classmethod
    def load(cls, path: PathLike, device: str = "auto") -> "Classifier":
        """Reads a saved classifier, or any model of Keras that is one for images.

        Args:
          path: a `.keras` file.
          device: as of the programs' flag; the first that computes decides for all.

        Raises:
          TrainerError: the file cannot be used; see `saved.load`.
        """
        devices.select(device)
        from trainer.network import saved

        return cls(*saved.load(path))

    @classmethod
    def fit(
        cls,
        data: "PathLike | tuple[Any, Any] | None" = None,
        *,
        test: "tuple[Any, Any] | None" = None,
        device: str = "auto",
        verbose: bool = True,
        **options: Any,
    ) -> "Classifier":
        """Trains a network, to the bits of `python -m trainer` with the same settings.

        Args:
          data: a folder of four IDX files; or images and their labels, as of
            `arrays.images` and `arrays.labels`; None for MNIST, or with `dataset=`.
          test: images and labels to evaluate on after each epoch, with `data` of this
            form. Without them it is on some that are trained on, which says little.
          device: as for `load`.
          verbose: whether to show how it goes, on one line.
          **options: as of `training.train`, such as `epochs=4` or `workdir="RUN"`: the
            flags of `python -m trainer` by their names.

        Raises:
          TrainerError: the data, an option or the machine cannot be used.
          idx.IdxError: a file cannot be used.
          KeyboardInterrupt: Ctrl-C ended it; with `workdir` it goes on from there.
        """
        since = time.monotonic()  # Of `minutes`, before what takes seconds to import.
        from trainer.data import arrays

        arrays.check_said(data, options)
        options = {"since": since} | options
        selected = devices.select(device)
        if data is None or isinstance(data, str | os.PathLike):
            if test is not None:
                raise TrainerError(
                    "test: expected it with data=(images, labels) alone, since a folder "
                    "has a test split, found it with another"
                )
            if data is not None:
                options |= {"idx_dir": os.fspath(data)}
            return cls._trained(selected, verbose, options)
        train = arrays.pair(data, "data")
        judged = arrays.pair(test, "test") if test is not None else None
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            # Of arrays that may be sorted by class.
            step = -(-len(train[0]) // _JUDGED)
            some = train[0][::step], train[1][::step]
            arrays.write(folder / "arrays", train, judged or some)
            own = {"idx_dir": f"{folder / 'arrays'}", "data_dir": f"{folder / 'data'}"}
            made = cls._trained(selected, verbose, options | own)
        gone = (settings.DATA_DIR, settings.IDX_DIR)
        kept = {k: v for k, v in made.card.settings.items() if k not in gone}
        return cls(made.network, dataclasses.replace(made.card, settings=kept))

    @classmethod
    def _trained(
        cls, selected: "Device", verbose: bool, options: dict[str, Any]
    ) -> "Classifier":
        from trainer.run import lines, training

        with quiet(), signals.borrowed(), lines.shown(verbose):
            result = training.train(selected, **options)
            return cls(result.model, result.card())

    @quiet()
    def evaluate(
        self,
        data: "PathLike | tuple[Any, Any] | None" = None,
        *,
        split: str | None = None,
        **where: Any,
    ) -> "Evaluation":
        """Says how good it is, class by class, as `python -m trainer.evaluate` does.

        Args:
          data: as for `fit`; None for that of its run, or with `dataset=`. Classes are
            found by name; labels of arrays, if none is a name, as of `arrays.named`.
          split: TFDS split; None for that of its run, with its data, else "test".
          **where: as of `source.prepare_for`, such as `dataset` and `data_dir`.

        Raises:
          TrainerError: the data cannot be used, or has a class that is not known here.
          idx.IdxError: a file cannot be used.
        """
        from trainer.data import arrays, overlap, source
        from trainer.data.split import Split
        from trainer.network import classes
        from trainer.quality import measures

        card = self.card
        arrays.check_said(data, {"split": split, **where}, ("split", *where))
        batches: Iterable[tuple[np.ndarray, np.ndarray]]
        if data is not None and not isinstance(data, str | os.PathLike):
            images, given = arrays.pair(data, "data")
            known, numbers = arrays.named(given, card.label_names)
            names, labels = classes.fitted(
                "model", card, "the labels", images.shape[1:], known
            )
            most = shares.at_once(images.shape[1:], _BATCH)
            parts = (slice(n, n + most) for n in range(0, len(images), most))
            batches = ((images[part], labels[numbers[part]]) for part in parts)
        else:
            where = dict.fromkeys(arrays.SOURCES[:4]) | where
            if data is not None:
                where["idx_dir"] = os.fspath(data)
            builder, run = source.prepare_for(card.settings, **where)
            found = Split(builder, str(split or run.get(settings.EVAL_SPLIT) or "test"))
            names, labels = classes.fitted(
                "model", card, found.name, found.image_shape, found.label_names
            )
            if seen := overlap.said(builder, found.split, card.settings, card.digests):
                print(f"odd: {seen}", flush=True)
            batches = found.watched("evaluating", labels)
        balanced = settings.weighs_alike(card.settings)
        return measures.evaluate(self.network, batches, names, balanced=balanced)

    @quiet()
    def predict(
        self, pictures: Any, *, fit: str = "auto", invert: str = "auto"
    ) -> "list[Prediction]":
        """Labels pictures, as `python -m trainer.predict` does.

        Args:
          pictures: one path or several, of pictures, folders of these, or IDX files; or
            an array of images of any size, as of `arrays.images`.
          fit: "ink" or "whole", how pictures of another size are fitted; "auto" as the
            card says.
          invert: "auto", "yes" or "no", whether to exchange light and dark.

        Returns:
          The best classes of each: `name` and `probability` of the best, `predictions`
          of all three; and whether it is `unknown`, unlike anything trained on.

        Raises:
          TrainerError: one cannot be labelled.
          idx.IdxError: a file cannot be read.
        """
        import numpy as np

        from trainer.data import arrays
        from trainer.network import familiar
        from trainer.picture import classify, listing

        judge = familiar.judge(self.network, self.card.calibration)
        how = self._how(fit, invert)
        if isinstance(pictures, str | os.PathLike):
            pictures = [pictures]
        elif isinstance(pictures, Iterator):
            pictures = list(pictures)  # It can be gone through once.
        if np.iterable(pictures) and all(
            isinstance(one, str | os.PathLike) for one in pictures
        ):
            if "" in pictures:
                raise TrainerError("pictures: expected paths, found an empty one")
            files = list(listing.opened(map(os.fspath, pictures), _refuse))
            options: dict[str, Any] = {"invert": invert, "how": how, "judge": judge}
            model = self.network, self.classes
            return list(classify.predict(*model, files, complain=_refuse, **options))
        made: list[Prediction] = []
        given = arrays.images(pictures)
        for batch in classify.fitted(self.network, given, how, invert):
            pixels = np.stack([one.pixels for one in batch])
            best = classify.best(self.network, self.classes, pixels, judge)
            for one, (classes, unknown) in zip(batch, best, strict=True):
                answer = "", len(made), classes, one.inverted, None, unknown
                made.append(classify.Prediction(*answer))
        return made

    @quiet()
    def predict_proba(
        self, images: Any, *, fit: str = "auto", invert: str = "auto"
    ) -> "np.ndarray":
        """Returns the probabilities of all classes, float32 `(n, classes)`.

        Args:
          images: an array of images of any size, as of `arrays.images`.
          fit: as for `predict`.
          invert: as for `predict`.

        Raises:
          TrainerError: as of `predict`.
        """
        import numpy as np

        from trainer.data import arrays
        from trainer.picture import classify

        how, given = self._how(fit, invert), arrays.images(images)
        parts = [
            classify.probabilities(
                self.network, np.stack([one.pixels for one in batch])
            )
            for batch in classify.fitted(self.network, given, how, invert)
        ]
        return np.concatenate(parts)

    def save(self, path: PathLike) -> None:
        """Writes all of it as one file, which Keras alone reads, too.

        Args:
          path: of the file, which ends in `.keras`.

        Raises:
          TrainerError: the name is another.
          OSError: it cannot be written.
        """
        from trainer.network import saved

        saved.save(path, self.network, self.card)

    def _how(self, fit: str, invert: str) -> str | None:
        choices = {"fit": ("auto", "ink", "whole"), "invert": ("auto", "yes", "no")}
        for name, value in (("fit", fit), ("invert", invert)):
            if value not in choices[name]:
                expected = ", ".join(choices[name])
                raise TrainerError(f"{name}: expected {expected}, found {value!r}")
        return self.card.fit if fit == "auto" else fit


def _refuse(message: str) -> None:
    raise TrainerError(message)
