"""Files of a data set that were damaged since TFDS wrote them."""

import pathlib
import shutil

import processes
import pytest
import tensorflow as tf
from idx_files import write_set

import mnist_idx_tfds
from trainer.data import damage, pipeline, source
from trainer.data.split import Split
from trainer.errors import TrainerError

DAMAGE = {
    "cut short": lambda data: data[: len(data) // 2 + 5],
    "cut by a record or two": lambda data: data[: len(data) - len(data) // 40],
    "empty": lambda data: b"",
    "a byte changed": lambda data: (
        data[:2000] + bytes([~data[2000] & 255]) + data[2001:]
    ),
    "gone": None,
}


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def whole(request, tmp_path_factory):
    """A data set of two classes in a format, and the folder that TFDS has it in."""
    folder = tmp_path_factory.mktemp("whole")
    write_set(folder / "files", train=64, test=64, shape=(20, 20), num_classes=2)
    config = mnist_idx_tfds.IdxConfig(name="own", idx_dir=str(folder / "files"))
    builder = mnist_idx_tfds.Builder(
        data_dir=folder / "data", config=config, file_format=request.param
    )
    builder.download_and_prepare()
    return folder / "data"


def spoil(folder, split, kind):
    """Damages the file of a split, and returns its path."""
    (path,) = folder.rglob(f"*-{split}.*record-*")
    if kind == "gone":
        path.unlink()
    else:
        path.write_bytes(DAMAGE[kind](path.read_bytes()))
    return path


def read(builder, feed):
    """Reads all that a run would."""
    with damage.named(builder):
        splits = (Split(builder, split) for split in ("train", "test"))
        data = pipeline.of(*splits, feed=feed, batch_size=16, seed=0)
        batches = data.train_batches, data.eval_batches
        return [len(labels) for some in batches for _, labels in some]


@pytest.mark.parametrize("feed", ["memory", "stream"])
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_one_line_that_names_it(whole, tmp_path, kind, split, feed):
    """Also where what is left is a whole number of batches."""
    shutil.copytree(whole, tmp_path / "data")
    path = spoil(tmp_path / "data", split, kind)
    builder = source.prepare(tmp_path / "data", None, None, "mnist_idx_tfds/own")
    with pytest.raises(TrainerError) as error:
        read(builder, feed)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{path}: records: expected 64, as TFDS wrote them, found ")
    assert line.endswith(f". Delete {path.parent} to build the data set again.")


def test_an_error_of_something_else_stays_what_it_is(whole):
    builder = source.prepare(whole, None, None, "mnist_idx_tfds/own")
    with pytest.raises(tf.errors.InvalidArgumentError), damage.named(builder):
        tf.io.decode_png(b"no picture")


def test_the_programs_say_it_in_one_line(tmp_path):
    write_set(tmp_path / "own", train=64, test=64, shape=(20, 20), num_classes=2)
    files = (f"--idx_dir={tmp_path / 'own'}", f"--data_dir={tmp_path / 'data'}")
    args = (*files, "--device=cpu", "--model=cnn", "--epochs=1")
    result = processes.run("trainer", *args, f"--workdir={tmp_path / 'w'}")
    assert (result.returncode, result.stderr) == (0, "")
    path = spoil(tmp_path / "data", "test", "a byte changed")
    model = f"--model={tmp_path / 'w' / 'model.keras'}"
    for program, options in (
        ("trainer", args),
        ("trainer.evaluate", (model, *files, "--device=cpu")),
    ):
        result = processes.run(program, *options)
        assert result.returncode == 1
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"{program}: {path}: records: expected 64, as TFDS")
        assert "corrupted record at" in line


def test_other_sizes_than_tfds_noted_are_no_damage(tmp_path):
    """As another version of it may have counted them."""
    write_set(tmp_path / "own", train=9, test=4)
    builder = source.prepare(tmp_path / "data", None, tmp_path / "own")
    info = pathlib.Path(builder.data_dir) / "dataset_info.json"
    text = info.read_text()
    changed = text.replace('"numBytes": "', '"numBytes": "9')
    assert changed != text
    info.write_text(changed)
    builder = source.prepare(tmp_path / "data", None, tmp_path / "own")
    assert Split(builder, "train").examples == 9
