"""Builds in which the user names Apache Beam, on runners of this machine.

That is `FnApiRunner`, which `DirectRunner` comes to as well, after it has tried to download
another.
"""

import json
import math
import pathlib
import sys
import tracemalloc

import numpy as np
import pytest
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions
from idx_files import gzip_member, header, write_set
from processes import end, start

import mnist_idx_tfds
from mnist_idx_tfds import beam, idx, idx_set

ROOT = pathlib.Path(__file__).parents[2]
TFDS = pathlib.Path(sys.executable).with_name("tfds")
SUFFIXES = pytest.mark.parametrize("suffix", ["", ".gz"], ids=["plain", "gzip"])
IN_ITS_ORDER = tfds.ReadConfig(interleave_cycle_length=1)
IN_A_PROCESS = {"direct_running_mode": "multi_processing"}


def by_beam(**options):
    return {"beam_options": PipelineOptions([], runner="FnApiRunner", **options)}


def build(idx_dir, data_dir, name="own", **config):
    builder = mnist_idx_tfds.Builder(
        data_dir=data_dir,
        config=mnist_idx_tfds.IdxConfig(name=name, idx_dir=str(idx_dir)),
    )
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(**config))
    return builder


def examples(builder, split):
    """Images and labels in the order that they have on disk."""
    dataset = builder.as_dataset(
        split=split, as_supervised=True, read_config=IN_ITS_ORDER
    )
    images, labels = zip(*tfds.as_numpy(dataset), strict=True)
    return np.stack(images), np.stack(labels)


def assert_same(builder, peer):
    for split in ("train", "test"):
        images, labels = examples(peer, split)
        found_images, found_labels = examples(builder, split)
        np.testing.assert_array_equal(found_images, images)
        np.testing.assert_array_equal(found_labels, labels)


@pytest.fixture(scope="module", params=["", ".gz"], ids=["plain", "gzip"])
def built(request, tmp_path_factory):
    """The same set, built by Beam and without.

    Of the plain files, a range is five images, two a chunk, and the last range three.
    """
    folder = tmp_path_factory.mktemp("built")
    sizes = {"train": 13, "test": 3, "shape": (500, 700)}
    write_set(folder / "set", **sizes, suffix=request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beam, "_RANGE_BYTES", 5 * 500 * 700)
        builder = build(folder / "set", folder / "beam", **by_beam())
    return builder, build(folder / "set", folder / "data")


def test_examples_and_their_order_are_those_of_a_build_without_beam(built):
    assert_same(*built)


@SUFFIXES
def test_colors_are_those_of_a_build_without_beam(tmp_path, suffix):
    write_set(tmp_path / "set", shape=(4, 3, 3), suffix=suffix)
    builder = build(tmp_path / "set", tmp_path / "beam", **by_beam())
    assert_same(builder, build(tmp_path / "set", tmp_path / "data"))


def test_metadata_lacks_only_what_is_odd(built):
    ours, peers = (dict(builder.info.metadata) for builder in built)
    assert peers.pop("findings")
    assert ours == peers


def test_examples_in_several_files_have_that_order_too(tmp_path):
    write_set(tmp_path / "set", train=90, test=40)
    builder = build(tmp_path / "set", tmp_path / "beam", num_shards=3, **by_beam())
    assert builder.info.splits["train"].num_shards == 3
    assert_same(builder, build(tmp_path / "set", tmp_path / "data"))


@SUFFIXES
def test_max_examples_per_split_takes_the_first(tmp_path, suffix):
    write_set(tmp_path / "set", train=90, test=40, suffix=suffix)
    most = {"max_examples_per_split": 7}
    builder = build(tmp_path / "set", tmp_path / "beam", **most, **by_beam())
    assert builder.info.splits["train"].num_examples == 7
    assert_same(builder, build(tmp_path / "set", tmp_path / "data", **most))


def test_a_runner_names_beam_as_options_do(tmp_path, monkeypatch):
    write_set(tmp_path / "set")
    monkeypatch.delattr(beam, "examples")
    with pytest.raises(AttributeError, match="examples"):
        build(tmp_path / "set", tmp_path / "data", beam_runner="FnApiRunner")


@pytest.mark.parametrize(
    ("suffix", "options", "message"),
    [
        (
            "",
            {},
            "payload: expected 360000 bytes (6 x 200 x 300), found more than that.",
        ),
        (".gz", {}, "gzip stream: expected its end, found other bytes behind it."),
        (".gz", IN_A_PROCESS, "gzip stream: expected its end, found other bytes"),
    ],
    ids=["plain", "gzip", "gzip, in another process"],
)
def test_a_bad_file_is_the_same_one_line_and_leaves_nothing_behind(
    tmp_path, suffix, options, message, monkeypatch
):
    """Images of 360,000 bytes, so that to read the header does not find the end."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    write_set(tmp_path / "set", shape=(200, 300), suffix=suffix)
    path = tmp_path / "set" / f"t10k-images-idx3-ubyte{suffix}"
    path.write_bytes(path.read_bytes() + b"garbage")
    with pytest.raises(idx.IdxError) as expected:
        build(tmp_path / "set", tmp_path / "data")
    with pytest.raises(idx.IdxError) as found:
        build(tmp_path / "set", tmp_path / "data", **by_beam(**options))
    assert str(found.value) == str(expected.value)
    assert str(found.value).startswith(f"{path}: {message}")
    assert not list((tmp_path / "data").rglob("*tfrecord*"))


def test_a_plain_file_that_was_cut_short_meanwhile_is_named(tmp_path, monkeypatch):
    """Between the launching process and a worker, by whoever wrote the file."""
    write_set(tmp_path / "set", suffix="")
    made = beam.examples

    def cut_after(part, *args):
        transform = made(part, *args)
        path = part.images.path
        path.write_bytes(path.read_bytes()[:-1])
        return transform

    monkeypatch.setattr(beam, "examples", cut_after)
    message = r"images-idx3-ubyte: file: expected the one just checked, found another"
    with pytest.raises(idx.IdxError, match=message):
        build(tmp_path / "set", tmp_path / "data", **by_beam())


@SUFFIXES
def test_memory_of_a_worker_is_that_of_a_chunk(tmp_path, suffix):
    """A chunk is 1 MiB, of which four are held at most; the file has 64 MiB."""
    pack = gzip_member if suffix else bytes
    sizes = (1 << 14, 64, 64)
    data = pack(header(8, *sizes) + bytes(math.prod(sizes)))
    (tmp_path / f"images{suffix}").write_bytes(data)
    images = idx_set.Images(tmp_path / f"images{suffix}")
    labels = np.zeros(1 << 14, np.uint8)
    chunks = beam._read_first(labels, images)
    if not suffix:
        chunks = beam._read_range((0, labels), images)
    beam.png.encode(np.zeros((1, 64, 64, 1), np.uint8))  # Imports TensorFlow.
    tracemalloc.start()
    count = sum(1 for chunk in chunks for _ in beam._encode(chunk))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 1 << 14
    assert peak < 8 << 20


def test_an_error_of_something_else_is_no_error_of_a_file():
    assert (
        beam.idx_error(RuntimeError("KeyError: 7 [while running 'train/Read']")) is None
    )


def test_tfds_build_with_options_of_beam_builds_by_it(tmp_path):
    write_set(tmp_path / "set", train=90, test=40, suffix="")
    config = json.dumps({"name": "own", "idx_dir": str(tmp_path / "set")})
    args = ("build", "mnist_idx_tfds", f"--config={config}")
    options = ("--beam_pipeline_options=runner=FnApiRunner,direct_num_workers=1",)
    result = end(start(TFDS, *args, *options, f"--data_dir={tmp_path / 'beam'}"))
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "beam" / "mnist_idx_tfds" / "own" / "1.0.0"
    builder = tfds.builder_from_directory(folder)
    assert "findings" not in builder.info.metadata
    assert_same(builder, build(tmp_path / "set", tmp_path / "data"))


def test_a_build_without_beam_does_not_import_it(tmp_path):
    write_set(tmp_path / "set")
    program = f"""
import sys
import mnist_idx_tfds
config = mnist_idx_tfds.IdxConfig(name="own", idx_dir={str(tmp_path / "set")!r})
builder = mnist_idx_tfds.Builder(data_dir={str(tmp_path / "data")!r}, config=config)
builder.download_and_prepare()
assert builder.info.splits["train"].num_examples == 10
print([name for name in sys.modules if "beam" in name.split(".")[0]])
"""
    result = end(start("-c", program))
    assert result.stdout.splitlines()[-1:] == ["[]"], result.stderr
