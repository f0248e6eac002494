"""TFDS builder for image classification data in four IDX files."""

import errno
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets.public_api as tfds
from etils import epath

# Absolute: `tfds build` retries a failed relative import outside the package,
# which would hide the true error.
from mnist_idx_tfds import by_name, findings, idx, idx_set, mirrors, png
from mnist_idx_tfds.idx_config import IdxConfig
from mnist_idx_tfds.threads import in_order

_FILES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}
# Which errors say that another process built the same meanwhile.
_RACES = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOENT)
# The metadata that says that not all was built; TFDS's name of the option.
_MOST = "max_examples_per_split"
_DISK_FULL = ("No space left on device", "Disk quota exceeded", "File too large")
_MNIST_SHAPE = (28, 28, 1)
_MNIST_CLASSES = 10


class Builder(tfds.core.GeneratorBasedBuilder):
    """MNIST from its four published files, or any other set of four IDX files."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    # One entry, because `tfds build` builds them all and MNIST is all it should
    # build; not none, because only then does it take `--config='{json}'`.
    BUILDER_CONFIGS = [
        IdxConfig(name="mnist", description="The MNIST handwritten digits.")
    ]

    # Of the build in progress, where the user names Beam; TFDS does not tell
    # `_split_generators` of it.
    _beam_config: tfds.download.DownloadConfig | None = None

    def _info(self) -> tfds.core.DatasetInfo:
        opened = self._opened
        shape = opened.shape if opened else _MNIST_SHAPE
        classes: dict[str, Any] = {
            "num_classes": opened.num_classes if opened else _MNIST_CLASSES
        }
        if opened and opened.names:
            classes = {"names": opened.names}
        about: dict[str, Any] = {
            "features": tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=shape),
                    "label": tfds.features.ClassLabel(**classes),
                }
            ),
            "supervised_keys": ("image", "label"),
            "metadata": tfds.core.MetadataDict(),
        }
        if not opened:
            homepage = "http://yann.lecun.com/exdb/mnist/"
            return self.dataset_info_from_configs(homepage=homepage, **about)
        about["metadata"].update(self._built_from())
        # Of files of someone's own nothing is known; the package's texts are of MNIST.
        description = self.builder_config.description
        return tfds.core.DatasetInfo(builder=self, description=description, **about)

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        # Here, as `tfds build --overwrite` removes what was built before it builds: what
        # was built from these very files needs no look.
        if self._opened and self.is_prepared() and self._changed():
            self._opened.check()

    def download_and_prepare(
        self,
        *,
        download_config: tfds.download.DownloadConfig | None = None,
        **kwargs: Any,
    ) -> None:
        """As TFDS has it, but refuses data that was built from other files.

        Of several processes that build the same data at once, the first to end gives
        all of them theirs. Where `download_config` names a runner or options of Apache
        Beam, its workers build the data, and `findings` are not looked for.
        """
        config = download_config
        names_beam = config and (config.beam_options or config.beam_runner)
        self._beam_config = config if names_beam else None
        overwrite = bool(config and config.download_mode.overwrite_dataset)
        most = config.max_examples_per_split if config else None
        if overwrite and self._opened:
            self._opened.check()  # Before TFDS removes what was built before.
        elif not overwrite:
            self._check_built_from_these_files()
            self._check_whole(most)
        if overwrite or not self.is_prepared():
            if config and config.manual_dir and not self._opened:
                self._check_manual_files(epath.Path(config.manual_dir))
            # What TFDS keeps of the build: also how many of each split, if not all.
            self.info.metadata.clear()  # Maybe that of what is there, and goes.
            self.info.metadata.update(self._built_from())
            if most is not None:
                self.info.metadata[_MOST] = most
        try:
            super().download_and_prepare(download_config=download_config, **kwargs)
        except Exception as e:
            # TFDS and TensorFlow have several types for it, none of its own.
            for reason in _DISK_FULL:
                if reason in str(e):
                    raise idx.error(
                        self.data_dir,
                        "disk",
                        "room for the data set",
                        f"an error: {reason.lower()}",
                        "Nothing half built was kept; free some and build again.",
                    ) from e
            if self._beam_config:
                from mnist_idx_tfds import beam

                if error := beam.idx_error(e):
                    raise error from e
            # That of etils, which TFDS renames by, has no number.
            raced = isinstance(e, FileExistsError) or getattr(e, "errno", 0) in _RACES
            if not raced or not self.is_prepared():
                raise
            # Another process has built it in between; ours is not there.
            self._check_built_from_these_files()
            self.info.read_from_directory(self.data_dir)
        by_name.complete(self)

    def as_dataset(self, *args: Any, **kwargs: Any) -> Any:
        """As TFDS has it, but refuses data that was built from other files."""
        self._check_built_from_these_files()
        return super().as_dataset(*args, **kwargs)

    def as_data_source(self, *args: Any, **kwargs: Any) -> Any:
        """As TFDS has it, but refuses data that was built from other files."""
        self._check_built_from_these_files()
        return super().as_data_source(*args, **kwargs)

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Any]:  # Generators, or what Beam makes examples by.
        opened = self._opened
        if not opened:
            paths = mirrors.download(dl_manager, _FILES)
            opened = idx_set.IdxSet(
                {
                    split: idx_set.Pair(
                        paths[f"{split}_images"], paths[f"{split}_labels"]
                    )
                    for split in ("train", "test")
                }
            )
            features = self.info.features
            opened.check_fits(features["image"].shape, features["label"].num_classes)
        if self._beam_config:
            # Here, as whoever does not name Beam need not wait for it.
            from mnist_idx_tfds import beam

            # TFDS passes over this where examples come from Beam.
            most = self._beam_config.max_examples_per_split
            return {
                split: beam.examples(part, most) for split, part in opened.parts.items()
            }
        tallies: dict[str, findings.Tally] = {}
        return {
            split: self._generate_examples(part, split, tallies)
            for split, part in opened.parts.items()
        }

    def _generate_examples(
        self, part: idx_set.Part, split: str, tallies: dict[str, findings.Tally]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        def encode(chunk: tuple[np.ndarray, np.ndarray]) -> Iterator[tuple[bytes, int]]:
            images, labels = chunk
            return zip(png.encode(images), labels.tolist(), strict=True)

        tally = findings.Tally(split)
        chunks = tally.watch(part.read())
        # The first one here, as both files are read to their ends before it, which
        # Ctrl-C is to stop.
        chunks = itertools.chain([next(chunks)], chunks)
        examples = itertools.chain.from_iterable(in_order(encode, chunks))
        for key, (image, label) in enumerate(examples):
            yield key, {"image": image, "label": label}
        tallies[split] = tally  # All of it was taken.
        if tallies.keys() >= {"train", "test"}:
            found = findings.find(
                tallies["train"],
                tallies["test"],
                self.info.features["label"].num_classes,
                self._opened.names if self._opened else None,
                self._opened.pictures if self._opened else lambda _: None,
            )
            # TFDS writes it beside the data set when all is done.
            self.info.metadata["findings"] = [str(finding) for finding in found]

    @property
    def _opened(self) -> idx_set.IdxSet | None:
        return self.builder_config.open()

    def _built_from(self) -> dict[str, Any]:
        """Returns what must be the same for data to be of these files."""
        opened = self._opened
        built_from: dict[str, Any] = {"sha256": opened.sha256} if opened else {}
        if opened and opened.notes:
            built_from["notes"] = opened.notes
        return built_from

    def _changed(self) -> list[str]:
        """Returns what the data of this name was built from that is not so now."""
        ours, built = self._built_from(), self._read_metadata()
        ours, built = (
            {**each.get("sha256", {}), "how it is read": each.get("notes", [])}
            for each in (ours, built)
        )
        return [name for name in {**ours, **built} if ours.get(name) != built.get(name)]

    def _read_metadata(self) -> dict[str, Any]:
        return dict(tfds.builder_from_directory(self.data_dir).info.metadata or {})

    def _check_whole(self, most: int | None) -> None:
        """Raises an error if fewer examples were built than are asked for."""
        if not self.is_prepared():
            return
        built = self._read_metadata().get(_MOST)
        if built is not None and built != most:
            expected = "all of them" if most is None else f"{most} a split"
            hint = "Build them with tfds build --overwrite."
            found = f"{built} a split, by {_MOST}"
            raise idx.error(self.data_dir, "examples", expected, found, hint)

    def _check_manual_files(self, manual_dir: epath.Path) -> None:
        """Raises an error if a file given by hand is not the published one."""
        for info in self.url_infos.values():
            path = manual_dir.expanduser() / info.filename
            if not path.exists():
                continue
            hint = "It is not the published MNIST file; for other files, use idx_dir."
            if (size := path.stat().length) != info.size:
                raise idx.error(path, "size", f"{int(info.size)}", f"{size}", hint)
            if (digest := idx_set.sha256(path)) != info.checksum:
                raise idx.error(path, "SHA-256", info.checksum, digest, hint)

    def _check_built_from_these_files(self) -> None:
        """Raises an error if data of this name was built from other files."""
        if not self._opened or not self.is_prepared():
            return
        if changed := self._changed():
            raise idx.error(
                f"{self.builder_config.idx_dir}: {', '.join(changed)}",
                "SHA-256",
                f"that of the files which {self.data_dir} was built from",
                "another",
                "Choose another name for these files, or replace what was built "
                "with tfds build --overwrite.",
            )
