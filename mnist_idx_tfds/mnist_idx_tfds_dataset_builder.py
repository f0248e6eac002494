"""TFDS builder for image classification data in four IDX files."""

import dataclasses
import functools
import itertools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets.public_api as tfds
from etils import epath

# Absolute: `tfds build` retries a failed relative import outside the package,
# which would hide the true error.
from mnist_idx_tfds import by_name, findings, idx, idx_set, mirrors, png
from mnist_idx_tfds.threads import in_order

_FILES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}
_DISK_FULL = ("No space left on device", "Disk quota exceeded", "File too large")
_MNIST_SHAPE = (28, 28, 1)
_MNIST_CLASSES = 10


@dataclasses.dataclass
class IdxConfig(tfds.core.BuilderConfig):
    """Which four files to build from.

    Attributes:
      idx_dir: folder of four IDX files, whose headers and labels tell image size,
        counts and number of classes, and of `labels.txt` if the classes have names;
        None for the published MNIST files, which are downloaded.
    """

    idx_dir: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]*\w[\w.-]*", self.name):
            expected = "letters, digits, '.', '_' and '-'"
            raise idx.error("config", "name", expected, repr(self.name))
        if self.idx_dir is None and self.name != "mnist":
            hint = 'Give --config=\'{"name": "NAME", "idx_dir": "DIR"}\'.'
            expected = "a folder of four IDX files"
            raise idx.error(f"config {self.name}", "idx_dir", expected, "none", hint)
        if self.description is None:  # type: ignore[has-type]
            self.description = f"Four IDX files of a folder, named {self.name}."


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
        shape, metadata = _MNIST_SHAPE, tfds.core.MetadataDict()
        classes: dict[str, Any] = {"num_classes": _MNIST_CLASSES}
        if opened := self._opened:
            shape = opened.shape
            classes = {"num_classes": opened.num_classes}
            if opened.names:
                classes = {"names": opened.names}
            metadata["sha256"] = opened.sha256
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=shape),
                    "label": tfds.features.ClassLabel(**classes),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="http://yann.lecun.com/exdb/mnist/",
            metadata=metadata,
        )

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
        mode = download_config.download_mode if download_config else None
        overwrite = bool(mode and mode.overwrite_dataset)
        if not overwrite:
            self._check_built_from_these_files()
        manual_dir = download_config and download_config.manual_dir
        if manual_dir and not self._opened and not self.is_prepared():
            self._check_manual_files(epath.Path(manual_dir))
        try:
            super().download_and_prepare(download_config=download_config, **kwargs)
        except FileExistsError:
            if overwrite or not self.data_path.exists():
                raise
            self._check_built_from_these_files()
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
            raise
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
        def encode(
            chunk: tuple[np.ndarray, np.ndarray],
        ) -> tuple[list[bytes], list[int]]:
            images, labels = chunk
            return png.encode(images), labels.tolist()

        tally = findings.Tally(split)
        chunks = tally.watch(part.read())
        # The first one here, as both files are read to their ends before it, which
        # Ctrl-C is to stop.
        chunks = itertools.chain([next(chunks)], chunks)
        examples = itertools.chain.from_iterable(
            zip(pngs, labels, strict=True) for pngs, labels in in_order(encode, chunks)
        )
        for key, (image, label) in enumerate(examples):
            yield key, {"image": image, "label": label}
        tallies[split] = tally  # All of it was taken.
        if tallies.keys() >= {"train", "test"}:
            num_classes = self.info.features["label"].num_classes
            found = findings.find(tallies["train"], tallies["test"], num_classes)
            # TFDS writes it beside the data set when all is done.
            self.info.metadata["findings"] = [str(finding) for finding in found]

    @functools.cached_property
    def _opened(self) -> idx_set.IdxSet | None:
        idx_dir = self.builder_config.idx_dir
        return idx_set.IdxSet(idx_dir) if idx_dir else None

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
        metadata = tfds.builder_from_directory(self.data_dir).info.metadata
        built = dict(metadata or {}).get("sha256", {})
        ours = self._opened.sha256
        changed = [
            name for name in {**ours, **built} if ours.get(name) != built.get(name)
        ]
        if changed:
            raise idx.error(
                f"{self.builder_config.idx_dir}: {', '.join(changed)}",
                "SHA-256",
                f"that of the files which {self.data_dir} was built from",
                "another",
                "Choose another name for these files, or replace what was built "
                "with tfds build --overwrite.",
            )
