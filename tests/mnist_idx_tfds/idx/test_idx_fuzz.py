"""The reader against a reference decoder, on bytes that Hypothesis makes up."""

import hypothesis
import idx_files
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnist_idx_tfds import idx, idx_set, overview

# The same examples each time, so that a failure is a change's and not the day's.
_settings = hypothesis.settings(
    max_examples=150, deadline=None, derandomize=True, database=None
)
_DTYPES = st.sampled_from(sorted(idx_files.CODES))
_SHAPES = hnp.array_shapes(min_dims=1, max_dims=5, max_side=4)
_ARRAYS = _DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, _SHAPES))
_TRUE = _ARRAYS.map(lambda array: idx_files.encode(array, array.dtype.str.strip("|")))
_PACK = st.sampled_from([bytes, idx_files.gzip_member])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """One file for all examples."""
    return tmp_path_factory.mktemp("fuzz") / "file"


def assert_read_as_decoded(path, data, chunk_items=None):
    """What is IDX is read as such; all else is an `IdxError` of one line."""
    path.write_bytes(data)
    expected = idx_files.decode(data)
    if expected is None:
        with pytest.raises(idx.IdxError) as caught:
            next(idx.read(path, chunk_items))
        message = str(caught.value)
        assert message.startswith(f"{path}: ")
        assert message.isprintable()
        with pytest.raises(idx.IdxError) as caught:
            idx.load(path)
        assert str(caught.value) == message
    else:
        chunks = list(idx.read(path, chunk_items))
        assert {chunk.dtype for chunk in chunks} == {expected.dtype}
        assert {chunk.shape[1:] for chunk in chunks} == {expected.shape[1:]}
        # As bytes, because among the values may be NaN.
        assert b"".join(chunk.tobytes() for chunk in chunks) == expected.tobytes()
        loaded = idx.load(path)
        assert loaded.shape == expected.shape
        assert loaded.astype(expected.dtype).tobytes() == expected.tobytes()


@st.composite
def _headed(draw):
    """A header that may be right before bytes that may be its payload."""
    code = draw(st.one_of(st.sampled_from(sorted(idx.DTYPES)), st.integers(0, 255)))
    size = st.one_of(st.integers(0, 4), st.sampled_from([2**31, 2**32 - 1]))
    sizes = draw(st.lists(size, max_size=4))
    rank = draw(st.one_of(st.just(len(sizes)), st.integers(0, 40)))
    head = idx_files.header(code, *sizes, rank=rank)
    return head + draw(st.binary(max_size=64))


@st.composite
def _mutated(draw, data):
    """The bytes with up to four changes, each at any place."""
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        part = data[start:end]
        other = draw(
            st.one_of(
                st.just(b""),  # Cut.
                st.just(part * 2),  # Duplicated.
                st.just(part[::-1]),  # Swapped, as a number's bytes are.
                st.binary(max_size=8).map(lambda more, part=part: more + part),
                st.integers(0, 7).map(
                    lambda bit, part=part: (
                        bytes([b ^ 1 << bit for b in part[:1]]) + part[1:]
                    )
                ),
            )
        )
        data = data[:start] + other + data[end:]
    return data


@_settings
@hypothesis.given(st.binary(max_size=200), _PACK)
def test_any_bytes(path, data, pack):
    assert_read_as_decoded(path, pack(data))


@_settings
@hypothesis.given(st.binary(max_size=100))
def test_any_bytes_after_the_start_of_gzip(path, data):
    assert_read_as_decoded(path, b"\x1f\x8b\x08" + data)


@_settings
@hypothesis.given(_headed(), _PACK)
def test_any_header(path, data, pack):
    assert_read_as_decoded(path, pack(data))


@_settings
@hypothesis.given(_TRUE, _PACK, st.one_of(st.none(), st.integers(1, 5)))
def test_any_array_in_chunks_of_any_size(path, data, pack, chunk_items):
    assert idx_files.decode(pack(data)) is not None
    assert_read_as_decoded(path, pack(data), chunk_items)


@_settings
@hypothesis.given(_TRUE.flatmap(_mutated), _PACK)
def test_true_file_mutated(path, data, pack):
    """Before compression, so that gzip's CRC does not hide the fault."""
    assert_read_as_decoded(path, pack(data))


@_settings
@hypothesis.given(_TRUE.map(idx_files.gzip_member).flatmap(_mutated))
def test_gzip_file_mutated(path, data):
    """After compression, in gzip's own fields as well."""
    assert_read_as_decoded(path, data)


@_settings
@hypothesis.given(_ARRAYS, st.integers(1, 5), st.sampled_from(["", ".gz"]))
def test_any_array_is_written_as_the_reference_reads_it(path, array, items, suffix):
    """Whatever its type, its shape and its chunks."""
    path = path.with_suffix(suffix)
    chunks = [array[start : start + items] for start in range(0, len(array), items)]
    idx.write(path, array.shape, chunks, array.dtype)
    decoded = idx_files.decode(path.read_bytes())
    assert (decoded.dtype, decoded.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(decoded, array)


def test_a_set_with_a_mutated_file_is_read_or_refused_in_a_line(tmp_path):
    """Whatever of its images, labels and texts is changed, also as if they were text."""
    idx_files.write_set(tmp_path, num_classes=4, label_dtype=">i4", suffix="")
    (tmp_path / "labels.txt").write_text("a\nb\nc\nd\n")
    (tmp_path / "t10k-files.txt").write_text("x\n" * 6)
    files = {path: path.read_bytes() for path in sorted(tmp_path.iterdir())}
    random = np.random.default_rng(0)
    messages = []
    for _ in range(600):
        path = list(files)[random.integers(len(files))]
        data = bytearray(files[path])
        how = random.integers(5)
        if how == 0:
            data[random.integers(len(data))] = random.integers(256)
        elif how == 1:
            data[random.integers(min(16, len(data)))] = random.integers(256)
        elif how == 2:
            data = data[: random.integers(len(data))]
        elif how == 3:
            data = data.replace(b"\n", b"\r\n")
        else:
            data = bytearray(data.decode("latin-1").encode())
        path.write_bytes(data)
        try:
            overview.of_set(idx_set.IdxSet(tmp_path))
        except idx.IdxError as e:
            messages.append(str(e))
        path.write_bytes(files[path])
    assert 200 < len(messages) < 600
    assert not [message for message in messages if "\n" in message]
