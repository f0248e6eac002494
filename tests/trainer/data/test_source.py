"""Finding or building the data set of a run."""

import shutil
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds
from idx_files import write_set
from tfds_sets import Given

import mnist_idx_tfds
from mnist_idx_tfds import idx, idx_set, mirrors, overview
from trainer.data import features, source
from trainer.errors import TrainerError

CHECKED = ["train", "test"]


def count(builder):
    return {split: builder.info.splits[split].num_examples for split in CHECKED}


def test_a_folder_is_built_on_first_use_and_then_reused(tmp_path):
    write_set(tmp_path / "set", train=9, test=4)
    first = source.prepare(tmp_path / "data", None, tmp_path / "set")
    files = sorted((tmp_path / "data").rglob("*.tfrecord*"))
    times = [path.stat().st_mtime_ns for path in files]
    second = source.prepare(tmp_path / "data", None, tmp_path / "set")
    assert first.data_dir == second.data_dir
    assert [path.stat().st_mtime_ns for path in files] == times
    assert count(second) == {"train": 9, "test": 4}


def test_data_that_another_process_built_since_it_was_looked_for_is_taken(
    tmp_path, monkeypatch
):
    write_set(tmp_path / "own")
    data, own, find = str(tmp_path / "data"), str(tmp_path / "own"), features.find

    def find_while_it_is_built(info):
        monkeypatch.setattr(features, "find", find)
        source.prepare(data, None, own)
        return find(info)

    monkeypatch.setattr(features, "find", find_while_it_is_built)
    builder = source.prepare(data, None, own)
    assert builder.info.splits["train"].num_examples == 10


def test_what_is_odd_is_kept_with_the_data_set(tmp_path):
    write_set(tmp_path / "set", train=9, test=4)
    expected = tuple(map(str, overview.of_set(idx_set.IdxSet(tmp_path / "set"))[1]))
    assert expected
    for _ in range(2):  # Built, then found.
        builder = source.prepare(tmp_path / "data", None, tmp_path / "set")
        assert source.findings(builder) == expected
    name, _, version = builder.info.full_name.rpartition("/")
    by_name = source.prepare(tmp_path / "data", None, None, f"{name}:{version}")
    assert source.findings(by_name) == expected


def test_nothing_is_known_to_be_odd_about_other_data_sets(tmp_path):
    features = {
        "image": tfds.features.Image(shape=(4, 4, 1)),
        "label": tfds.features.ClassLabel(num_classes=2),
    }
    examples = [{"image": np.zeros((4, 4, 1), np.uint8), "label": 0}]
    builder = Given(features, {"train": examples}, data_dir=tmp_path)
    builder.download_and_prepare()
    assert source.findings(builder) == ()


def test_a_folder_whose_files_changed_is_built_anew(tmp_path):
    write_set(tmp_path / "set", train=9, test=4)
    first = source.prepare(tmp_path / "data", None, tmp_path / "set")
    write_set(tmp_path / "set", train=8, test=4)
    second = source.prepare(tmp_path / "data", None, tmp_path / "set")
    assert count(second) == {"train": 8, "test": 4}
    assert first.is_prepared()


def test_a_folder_whose_names_changed_is_built_anew(tmp_path):
    write_set(tmp_path / "set", train=9, test=4, num_classes=2)
    first = source.prepare(tmp_path / "data", None, tmp_path / "set")
    (tmp_path / "set" / "labels.txt").write_text("cat\ndog\n")
    second = source.prepare(tmp_path / "data", None, tmp_path / "set")
    assert first.info.features["label"].names == ["0", "1"]
    assert second.info.features["label"].names == ["cat", "dog"]


def test_another_folder_of_the_same_name_is_another_data_set(tmp_path):
    write_set(tmp_path / "a" / "set", train=9, test=4)
    write_set(tmp_path / "b" / "set", train=9, test=4, seed=1)
    first = source.prepare(tmp_path / "data", None, tmp_path / "a" / "set")
    second = source.prepare(tmp_path / "data", None, tmp_path / "b" / "set")
    assert first.data_dir != second.data_dir


def test_a_moved_folder_is_the_same_data_set(tmp_path):
    write_set(tmp_path / "a" / "set", train=9, test=4)
    first = source.prepare(tmp_path / "data", None, tmp_path / "a" / "set")
    shutil.move(tmp_path / "a", tmp_path / "b")
    second = source.prepare(tmp_path / "data", None, tmp_path / "b" / "set")
    assert first.data_dir == second.data_dir


def test_any_folder_name_will_do(tmp_path):
    write_set(tmp_path / "my digits (ü)", train=9, test=4)
    builder = source.prepare(tmp_path / "data", None, tmp_path / "my digits (ü)")
    assert count(builder) == {"train": 9, "test": 4}


def test_a_manual_folder_without_the_files_is_an_error_that_names_them(tmp_path):
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(b"")
    message = (
        "did not find t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz, train-"
    )
    with pytest.raises(TrainerError, match=message):
        source.prepare(tmp_path / "data", tmp_path, None)


FEATURES = {
    "photo": tfds.features.Image(shape=(8, 9, 1)),
    "animal": tfds.features.ClassLabel(names=["cat", "dog"]),
}
ROWS = [{"photo": np.full((8, 9, 1), i, np.uint8), "animal": i % 2} for i in range(5)]


NAMES = ("tame", "wild", "gone", "broken", "any")


class KnownAnimals(tfds.core.GeneratorBasedBuilder):
    """A data set that TFDS knows by name, with configurations."""

    VERSION = tfds.core.Version("2.1.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in NAMES]

    def _info(self):
        features = dict(FEATURES)
        if self.builder_config.name == "any":
            features["photo"] = tfds.features.Image()
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        if self.builder_config.name == "any":
            raise AssertionError("would download an unfit data set")
        if self.builder_config.name == "broken":
            return {"train": self.no_such_method()}
        if self.builder_config.name == "gone":
            dl_manager.download("http://127.0.0.1:9/gone.zip")
        return {"train": self._generate_examples(), "test": self._generate_examples()}

    def _generate_examples(self):
        yield from enumerate(ROWS)


def prepare(data_dir, dataset):
    return source.prepare(data_dir, None, None, dataset)


@pytest.mark.parametrize(
    ("dataset", "full_name"),
    [
        ("known_animals", "known_animals/tame/2.1.0"),
        ("known_animals/wild", "known_animals/wild/2.1.0"),
        ("known_animals/wild:2.*.*", "known_animals/wild/2.1.0"),
    ],
)
def test_a_data_set_that_tfds_knows_is_built_by_its_name(tmp_path, dataset, full_name):
    builder = prepare(tmp_path, dataset)
    assert builder.info.full_name == full_name
    assert count(builder) == {"train": 5, "test": 5}


@pytest.mark.parametrize("dataset", ["given", "given:1.0.0"])
def test_a_data_set_on_disk_needs_no_code(tmp_path, dataset):
    splits = {"train": ROWS, "test": ROWS[:2]}
    Given(FEATURES, splits, data_dir=tmp_path).download_and_prepare()
    assert count(prepare(tmp_path, dataset)) == {"train": 5, "test": 2}


def test_a_folder_that_was_built_under_a_name_needs_no_folder(tmp_path):
    write_set(tmp_path / "set", train=9, test=4)
    config = mnist_idx_tfds.IdxConfig(name="letters", idx_dir=str(tmp_path / "set"))
    mnist_idx_tfds.Builder(data_dir=tmp_path, config=config).download_and_prepare()
    shutil.rmtree(tmp_path / "set")
    name = "mnist_idx_tfds/letters"
    for dataset in (name, f"{name}:1.0.0", f"{name}/1.0.0"):
        assert count(prepare(tmp_path, dataset)) == {"train": 9, "test": 4}
    with pytest.raises(TrainerError, match="Is it mnist_idx_tfds/letters"):
        prepare(tmp_path, "mnist_idx_tfds/leters")


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        ("fashionmnist", "Dataset fashionmnist not found. Is it fashion_mnist"),
        ("known_animals/wlid", "wlid not found .* Is it known_animals/wild"),
        ("known_animals:3.0.0", "cannot be loaded at version 3.0.0, only: 2.1.0"),
        ("known_animals/", "Parsing builder name string known_animals/ failed"),
        ("zzzzzzzz", "Dataset zzzzzzzz not found.$"),
    ],
)
def test_a_name_that_is_none_is_one_line_with_what_may_be_meant(
    tmp_path, dataset, says
):
    with pytest.raises(TrainerError, match=f"--dataset={dataset}: .*{says}") as error:
        prepare(tmp_path, dataset)
    assert "\n" not in str(error.value)


def test_an_unfit_data_set_is_refused_before_it_is_downloaded(tmp_path):
    with pytest.raises(idx.IdxError, match=r"photo: .* found \(None, None, 3\)"):
        prepare(tmp_path, "known_animals/any")


def test_a_data_set_that_tfds_fails_to_build_is_one_line(tmp_path):
    message = "--dataset=known_animals/gone: .* found ConnectionError: .*127.0.0.1"
    with pytest.raises(TrainerError, match=message) as error:
        prepare(tmp_path, "known_animals/gone")
    assert "\n" not in str(error.value)
    assert "verbosity" not in str(error.value)


def test_a_defect_in_the_code_of_a_data_set_is_one_line_that_says_how_to_see_it(
    tmp_path,
):
    message = "AttributeError: .*no_such_method.*--verbosity=1 shows where."
    with pytest.raises(TrainerError, match=message):
        prepare(tmp_path, "known_animals/broken")


def test_what_is_built_from_what_and_where_is_one_line(tmp_path, capfd):
    write_set(tmp_path / "set")
    built = [
        source.prepare(str(tmp_path), None, str(tmp_path / "set")),
        prepare(tmp_path, "known_animals/tame"),
    ]
    folder = built[0].info.full_name
    assert capfd.readouterr() == (
        f"building {folder} from {tmp_path / 'set'} in {tmp_path / folder}\n"
        "building known_animals/tame/2.1.0 from a download in "
        f"{tmp_path / 'known_animals' / 'tame' / '2.1.0'}\n",
        "",
    )
    prepare(tmp_path, "known_animals/tame")
    assert capfd.readouterr() == ("", "")


def test_mnist_is_said_to_be_downloaded(tmp_path, capfd, monkeypatch):
    def refuse(*args):
        raise RuntimeError

    monkeypatch.setattr(mirrors, "download", refuse)
    with pytest.raises(RuntimeError):
        source.prepare(str(tmp_path), None, None)
    name = "mnist_idx_tfds/mnist/1.0.0"
    expected = f"building {name} from a download of 11.06 MiB in {tmp_path / name}\n"
    assert capfd.readouterr() == (expected, "")


def test_a_long_build_goes_on_to_say_so(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(source, "_FIRST", 0.01)
    builder = tfds.builder("known_animals/wild", data_dir=tmp_path)
    text = ""
    with source._announced(builder, None):
        for _ in range(1000):
            text += capfd.readouterr().out
            if text.count("\n") > 1:
                break
            time.sleep(0.01)
    # Of two lines at once, one may be cut where it is read.
    assert "building known_animals/wild/2.1.0 for 0 s" in text


def test_a_models_own_data_that_is_not_here_is_said_to_be_that(tmp_path):
    run = {"dataset": "mnist_idx_tfds/arrays-0123456789ab/1.0.0"}
    with pytest.raises(TrainerError) as error:
        source.prepare_for(run, str(tmp_path), None, None, None)
    assert str(error.value).startswith(
        f"data set of the model's run: expected {run['dataset']} here, found none. "
        "Give --idx_dir or --dataset"
    )
