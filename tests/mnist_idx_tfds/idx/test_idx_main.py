"""`python -m mnist_idx_tfds.idx`, by what it prints and its exit code."""

import functools
import io
import pathlib
import subprocess
import sys

import idx_files
import numpy as np
import pytest
from idx_files import IMAGES, encode, gzip_member, write_set

ROOT = pathlib.Path(__file__).parents[3]
MODULE = "mnist_idx_tfds.idx"


@pytest.fixture
def run(run_module):
    return functools.partial(run_module, MODULE)


@pytest.fixture
def write(tmp_path):
    def write(array, dtype="u1", pack=bytes, name="file"):
        path = tmp_path / name
        path.write_bytes(pack(encode(np.asarray(array), dtype)))
        return path

    return write


def test_images_are_described(run, write):
    path = write(IMAGES, pack=gzip_member)
    assert run(path) == (
        0,
        f"{path}:\n"
        "  0x00000803 (ubyte, rank 3), 10 x 4 x 3, 120 bytes of values\n"
        f"  gzip file of {path.stat().st_size} bytes\n"
        "  good: header, length, gzip CRC\n"
        "  values 0 to 119\n",
        "",
    )


@pytest.mark.parametrize("dtype", ["u1", "i1", ">i2", ">i4"])
def test_labels_are_counted_by_class(run, write, dtype):
    code, out, _ = run(write([3, 1, 1, 100, 3, 1], dtype))
    assert code == 0
    assert out.splitlines()[3:] == [
        "  good: header, length",
        "  labels 1 to 100, 3 different:",
        "       1  3",
        "       3  2",
        "     100  1",
    ]


def test_labels_in_many_chunks_are_all_counted(run, write):
    labels = np.tile([7, 0, 7], 500_000)
    _, out, _ = run(write(labels))
    assert out.splitlines()[-2:] == ["       0  500,000", "       7  1,000,000"]


def test_absurd_labels_are_no_table(run, write):
    _, out, _ = run(write(np.arange(-5, 252), ">i4"))
    assert out.splitlines()[-1] == "  labels -5 to 251, more than 256 different"


@pytest.mark.parametrize("shape", [(3,), (3, 2), (1, 2, 3)])
def test_floats_are_described_without_their_values(run, write, shape):
    code, out, _ = run(write(np.full(shape, np.nan), ">f4"), "--show=1")
    assert code == 0
    assert out.splitlines()[-1] == "  good: header, length"


def test_bad_files_are_named_among_good_ones_and_fail(run, write, tmp_path):
    true = encode(IMAGES)
    good, cut = write(IMAGES, name="good"), tmp_path / "cut"
    cut.write_bytes(true[:-1])
    code, out, _ = run(cut, tmp_path / "missing", tmp_path, good)
    assert code == 1
    lines = out.splitlines()
    assert [line for line in lines if not line.startswith("  ")] == [
        f"{cut}:",
        f"BAD {cut}: payload: expected 120 bytes (10 x 4 x 3), found 119. "
        "Is it a partial download, or is its header wrong?",
        f"BAD {tmp_path / 'missing'}: file: expected a readable file, found an error: "
        "no such file or directory.",
        f"BAD {tmp_path}: train images: expected one file, named like "
        "train-images-idx3-ubyte.gz, found none. Put it there, or give the folder that "
        "has all four.",
        f"{good}:",
        "4 files and folders, 3 bad, 0 odd",
    ]
    assert lines.count("  good: header, length") == 1


@pytest.mark.parametrize("fault", idx_files.FAULTS, ids=lambda fault: fault.name)
def test_every_fault_fails(run, tmp_path, fault):
    path = tmp_path / "file"
    path.write_bytes(fault.make(encode(IMAGES)))
    code, out, _ = run(path)
    assert (code, out.splitlines()[-1]) == (1, f"BAD {path}: {fault.says}")


def test_images_are_drawn_two_characters_a_pixel(run, write):
    image = [[0, 50, 100], [150, 200, 0]]
    _, out, _ = run(write([image, image[::-1], image]), "--show=2")
    assert out.splitlines()[5:] == [
        "  image 0",
        "  ░░▒▒",
        "▓▓██  ",
        "  image 1",
        "▓▓██  ",
        "  ░░▒▒",
    ]


def test_colors_are_drawn_as_bright_as_they_are(run, write):
    image = np.array([[[255, 0, 0], [255, 255, 255]], [[0, 0, 255], [0, 255, 0]]])
    _, out, _ = run(write([image]), "--show=1")
    assert out.splitlines()[6:] == ["░░██", "  ▒▒"]


def test_no_more_images_are_drawn_than_there_are(run, write):
    _, out, _ = run(write(IMAGES), "--show=100")
    assert out.count("  image ") == 10


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [
        pytest.param((28, 28), 28, 56, id="as it is"),
        pytest.param((40, 40), 40, 80, id="just as it is"),
        pytest.param((41, 41), 21, 41, id="a character a column"),
        pytest.param((80, 20), 40, 20, id="high"),
        pytest.param((100, 81), 25, 41, id="shrunk by two"),
        pytest.param((3, 1000), 1, 77, id="shrunk by 13"),
    ],
)
def test_images_of_any_size_fit_in_80_columns(run, write, shape, rows, columns):
    image = np.full(shape, 9)
    image[0, 0] = 8
    _, out, _ = run(write([image]), "--show=1")
    drawn = out.splitlines()[6:]
    assert (len(drawn), {len(line) for line in drawn}) == (rows, {columns})
    assert drawn[-1].endswith("█")


def test_images_of_one_shade_are_drawn_blank(run, write):
    _, out, _ = run(write(np.full((1, 2, 2), 255)), "--show=1")
    assert out.splitlines()[6:] == ["    ", "    "]


def test_an_output_without_shades_gets_ascii(run, write, monkeypatch):
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", output)
    run(write([[[0, 64, 128, 192, 255]]]), "--show=1")
    assert output.buffer.getvalue().endswith(b"\n  ..::**##\n")


def test_a_folder_is_described_class_by_class_with_what_is_odd(run, tmp_path):
    made = write_set(tmp_path, train=400, test=100, num_classes=2, test_name="test")
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    means = [f"{made[split][0].mean():.0f}" for split in ("train", "test")]
    assert run(tmp_path) == (
        0,
        f"{tmp_path}:\n"
        f"  train  400 images of 4 x 3, mean {means[0]} of 255  "
        "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz\n"
        f"  test   100 images of 4 x 3, mean {means[1]} of 255  "
        "test-images-idx3-ubyte.gz, test-labels-idx1-ubyte.gz\n"
        "  2 classes, of 200 training and 50 test images\n"
        "    label  train  test  name\n"
        "        0    200    50  cat\n"
        "        1    200    50  dog\n"
        "  odd:\n"
        "    100 test images tell an accuracy of 0.9 only to within 6 points "
        "(95% interval)\n",
        "",
    )


@pytest.mark.parametrize("classes", [21, 300, 1200])
def test_hundreds_of_classes_are_a_table_of_80_columns(run, tmp_path, classes):
    write_set(tmp_path, train=1300, test=1200, num_classes=classes, label_dtype=">i2")
    _, out, _ = run(tmp_path)
    lines = out.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("    label"))
    table = lines[start : next(n for n, line in enumerate(lines) if " odd" in line)]
    assert max(map(len, table)) <= 80
    rows = [line for line in table[1:] if "classes more" not in line]
    numbers = [int(text) for line in rows for text in line.replace(",", "").split()]
    counts = {tuple(numbers[n : n + 3]) for n in range(0, len(numbers), 3)}
    listed = min(classes, 1000)
    assert sorted(label for label, *_ in counts) == list(range(listed))
    assert len(rows) == -(-listed // 3)
    left = [line for line in table if "classes more" in line]
    assert left == (["    ... and 200 classes more"] if classes > 1000 else [])


def test_what_is_odd_fails_only_if_asked_to(run, tmp_path):
    write_set(tmp_path, train=20, test=20)
    assert run(tmp_path)[0] == 0
    assert run("--strict", tmp_path)[0] == 1
    write_set(tmp_path, train=200, test=200)
    assert run("--strict", tmp_path)[0] == 0


@pytest.mark.parametrize("fault", idx_files.SET_FAULTS, ids=lambda fault: fault.name)
def test_a_bad_set_is_an_error_and_not_odd(run, tmp_path, fault):
    write_set(tmp_path)
    (tmp_path / fault.file).write_bytes(fault.make(b""))
    code, out, _ = run(tmp_path)
    assert (code, out) == (1, f"BAD {tmp_path / fault.file}: {fault.says}\n")


@pytest.mark.parametrize(("lines", "code"), [(5, 1), (6, 0), (7, 1)])
def test_a_path_too_few_or_too_many_is_an_error(run, tmp_path, lines, code):
    write_set(tmp_path)
    path = tmp_path / "t10k-files.txt"
    path.write_text("".join(f"a/{n}.png\n" for n in range(lines)))
    found, out, _ = run(tmp_path)
    assert found == code
    assert code == 0 or out == (
        f"BAD {path}: lines: expected 6, one for each image in "
        f"{idx_files.TEST_IMAGES}, found {lines}. Pack the pictures again, or remove "
        "this file if it is of another set.\n"
    )


@pytest.mark.parametrize(
    ("shape", "said"), [((4, 3), "4 x 3"), ((4, 3, 3), "4 x 3 in color")]
)
def test_images_of_a_folder_are_drawn(run, tmp_path, shape, said):
    write_set(tmp_path, shape=shape)
    _, out, _ = run("--show=2", tmp_path)
    assert f"10 images of {said}, mean " in out
    assert out.count("  image ") == 4


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "the following arguments are required: FILE"),
        (["--show=-1", "a"], "argument --show: expected 0 or more, found '-1'"),
        (["--sho=1", "a"], "unrecognized arguments: --sho=1"),
    ],
)
def test_a_wrong_command_is_exit_code_2(run, args, message):
    code, _, err = run(*args)
    assert code == 2
    assert err.splitlines()[-1] == f"python -m {MODULE}: error: {message}"


def test_in_a_process_of_its_own_it_prints_no_warning(write, tmp_path):
    """Nor when its reader, such as `head`, leaves before the end."""
    command = f"'{sys.executable}' -W default -m {MODULE} '%s' --show=999 | head -n 1"
    result = subprocess.run(
        ["bash", "-c", command % write(np.zeros((999, 28, 28)))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (result.stdout, result.stderr) == (f"{tmp_path / 'file'}:\n", "")
