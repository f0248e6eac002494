"""A work directory: what it keeps, what it takes back, and what it refuses."""

import json
import os
import re

import keras
import numpy as np
import pytest

from trainer import settings as keys
from trainer.errors import TrainerError
from trainer.network import architectures
from trainer.network.card import Card
from trainer.run.workdir import Workdir

SETTINGS = {
    "dataset": "d",
    "epochs": 4,
    "log_every": 20,
    "device": "CPU",
    "shape": (2,),
}
NAMES = ("zero", "Ünö <&>")


def record(step, **values):
    return {"step": step, "epoch": 1, **values}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "made" / "run"


def network(seed=0):
    """A network with everything that has a state: dropout, and Adam's slots."""
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((3,)), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def learn(model, steps):
    x = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    for _ in range(steps):
        model.train_on_batch(x, x[:, :2])
    return [v.numpy().tobytes() for v in (*model.variables, *model.optimizer.variables)]


@pytest.fixture
def begun(folder):
    """A folder with a run that was saved at step 2 and stopped after step 3."""
    work = Workdir(folder, SETTINGS, NAMES)
    model = network()
    learn(model, 2)
    work.record(record(1, loss=0.1 + 0.2))
    work.record(record(2, loss=0.5))
    work.save(model)
    work.record(record(3, loss=0.4))
    work.close()
    return folder


def test_a_new_folder_is_made_and_starts_at_step_0(folder):
    work = Workdir(folder, SETTINGS, NAMES)
    assert (work.step, work.records) == (0, [])
    assert json.loads((folder / "settings.json").read_text())["shape"] == [2]
    assert (folder / "labels.txt").read_text(encoding="utf-8") == "zero\nÜnö <&>\n"


def test_a_restored_network_goes_on_to_the_same_bits(begun):
    expected = learn(network(), 5)
    work = Workdir(begun, SETTINGS, NAMES)
    model = network(seed=1)
    work.restore(model)
    assert work.step == 2
    assert learn(model, 3) == expected


@pytest.mark.parametrize(("model", "decay"), [("cnn", 0.05), ("deep", 0.0)])
def test_a_run_of_before_decay_was_recorded_goes_on_with_what_it_had(
    folder, model, decay
):
    Workdir(folder, SETTINGS | {"model": model}, NAMES).close()
    Workdir(folder, SETTINGS | {"model": model, "weight_decay": decay}, NAMES).close()


@pytest.mark.parametrize(
    ("settings", "goes_on"),
    [
        ({"model": "cnn", "augmentation": None}, True),
        ({"model": "cnn", "augmentation": {"shift": 0.05}}, False),
        ({"model": "deep"}, False),
        ({"model": "strong"}, False),
    ],
)
def test_a_run_of_a_version_that_computed_other_bits_is_another(
    folder, settings, goes_on
):
    settings = SETTINGS | settings
    Workdir(folder, settings, NAMES).close()
    now = settings | {"recipe": keys.THIS_RECIPE}
    if goes_on:
        Workdir(folder, now, NAMES).close()
    else:
        with pytest.raises(TrainerError, match=r"another: recipe 1 there, 2 now"):
            Workdir(folder, now, NAMES)


def test_records_after_the_checkpoint_are_dropped_and_others_exact(begun):
    expected = [record(1, loss=0.1 + 0.2), record(2, loss=0.5)]
    work = Workdir(begun, SETTINGS, NAMES)
    assert work.records == expected
    lines = (begun / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == expected


@pytest.mark.parametrize("cut", [b'{"step": 2, "ep', b"\xff\xfe", b"[]\n", b"{}\n"])
def test_a_record_that_was_cut_short_is_dropped(begun, cut):
    with (begun / "metrics.jsonl").open("ab") as file:
        file.write(cut)
    assert len(Workdir(begun, SETTINGS, NAMES).records) == 2


def test_metrics_that_do_not_reach_the_checkpoint_are_named(begun):
    (begun / "metrics.jsonl").unlink()
    with pytest.raises(
        TrainerError, match=r"metrics\.jsonl: expected the records of 2"
    ):
        Workdir(begun, SETTINGS, NAMES)


def test_the_model_loads_without_this_project(begun):
    work = Workdir(begun, SETTINGS, NAMES)
    model = architectures.cnn((16, 16, 1), 2)
    path = work.save_model(model, Card(NAMES, (16, 16, 1)))
    x = np.ones((1, 16, 16, 1), np.uint8)
    found = keras.saving.load_model(path).predict(x, verbose=0)
    np.testing.assert_array_equal(found, model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("name", "bits"),
    [("log_every", ""), ("device", "; the last bits of the result may differ")],
)
def test_what_cannot_change_the_result_may_differ_and_is_said(begun, name, bits):
    work = Workdir(begun, {**SETTINGS, name: "other"}, NAMES)
    assert work.step == 2
    assert work.notes == [f"{name} {SETTINGS[name]} there, other now{bits}"]


def test_another_run_is_refused_by_the_difference(begun):
    with pytest.raises(TrainerError, match="epochs 4 there, 5 now") as e:
        Workdir(begun, {**SETTINGS, "epochs": 5, "log_every": 1}, NAMES)
    assert "log_every" not in str(e.value)
    assert Workdir(begun, SETTINGS, NAMES).step == 2


@pytest.mark.parametrize("text", ["", "[1]", "{", '"x"'])
def test_settings_that_cannot_be_read_are_refused(begun, text):
    (begun / "settings.json").write_text(text)
    with pytest.raises(TrainerError, match=r"settings\.json cannot be read"):
        Workdir(begun, SETTINGS, NAMES)


def test_a_run_without_its_settings_is_refused(begun):
    (begun / "settings.json").unlink()
    with pytest.raises(TrainerError, match=r"settings\.json is missing"):
        Workdir(begun, SETTINGS, NAMES)


def test_a_second_run_in_the_folder_is_refused_while_the_first_goes_on(begun):
    first = Workdir(begun, SETTINGS, NAMES)
    with pytest.raises(TrainerError, match="goes on right now"):
        Workdir(begun, SETTINGS, NAMES)
    first.close()
    Workdir(begun, SETTINGS, NAMES)


def flip(data, index):
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-30],
        lambda data: b"x" + data[1:],
        lambda data: data.replace(b"}", b"} ", 1)[: len(data)],
        lambda data: flip(data, data.index(b"\x93NUMPY") + 128),
    ],
    ids=["empty", "cut short", "no zip", "shifted", "a bit flipped"],
)
def test_a_damaged_checkpoint_is_named_and_kept(begun, spoil):
    path = begun / "checkpoint.npz"
    path.write_bytes(spoil(path.read_bytes()))
    spoilt = path.read_bytes()
    with pytest.raises(TrainerError, match=r"checkpoint\.npz: expected"):
        Workdir(begun, SETTINGS, NAMES)
    assert path.read_bytes() == spoilt


def test_a_pickle_in_the_checkpoint_is_not_executed(begun):
    class Evil:
        def __reduce__(self):
            return (open, (begun / "evil", "w"))

    np.savez(begun / "checkpoint.npz", np.array([Evil()], dtype=object))
    with pytest.raises(TrainerError, match=r"checkpoint\.npz: expected"):
        Workdir(begun, SETTINGS, NAMES)
    assert not (begun / "evil").exists()


def test_a_checkpoint_of_another_network_is_refused(begun):
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    other.compile("adam", "mse")
    other.optimizer.build(other.trainable_variables)
    with pytest.raises(TrainerError, match="of another network"):
        Workdir(begun, SETTINGS, NAMES).restore(other)


@pytest.mark.parametrize("name", ["model.keras", "report.html"])
def test_what_is_written_at_the_end_is_tried_at_the_beginning(folder, name):
    (folder / name).mkdir(parents=True)
    with pytest.raises(TrainerError, match=f"{name}: expected to write.*is a folder"):
        Workdir(folder, SETTINGS, NAMES)


def rewrite(path, change):
    """Writes a checkpoint again with other paths of its variables."""
    with np.load(path) as file:
        step, paths, *values = (file[name] for name in file.files)
    np.savez(path, step, change(paths), *values)


def swapped(paths, one, other):
    names = {one: other, other: one}
    pattern = re.compile("|".join(names))
    return np.array([pattern.sub(lambda m: names[m[0]], path) for path in paths])


def test_a_variable_goes_by_its_path_not_by_its_place(begun):
    """As where another version of Keras makes an optimizer's variables in another order."""
    path = begun / "checkpoint.npz"
    rewrite(path, lambda paths: swapped(paths, "momentum", "velocity"))
    with pytest.raises(TrainerError, match="of another network or version of Keras"):
        Workdir(begun, SETTINGS, NAMES).restore(network())
    rewrite(path, lambda paths: swapped(paths, "momentum", "velocity"))
    Workdir(begun, SETTINGS, NAMES).restore(network())


def test_layers_of_the_same_kind_and_shape_have_different_paths(folder):
    layers = [keras.Input((2,)), keras.layers.Dense(2), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse")
    work = Workdir(folder, SETTINGS, NAMES)
    work.save(model)
    work.close()
    with np.load(folder / "checkpoint.npz") as file:
        paths = file["arr_1"].tolist()
    assert len(set(paths)) == len(paths)
    rewrite(folder / "checkpoint.npz", lambda paths: swapped(paths, ":0", ":1"))
    with pytest.raises(TrainerError, match="of another network or version of Keras"):
        Workdir(folder, SETTINGS, NAMES).restore(model)


@pytest.mark.parametrize("arrays", [[], [2], [[1, 2], ["a"]], [2, 3], ["a", ["a"]]])
def test_arrays_of_something_else_are_refused(begun, arrays):
    np.savez(begun / "checkpoint.npz", *arrays)
    with pytest.raises(TrainerError, match=r"checkpoint\.npz: expected"):
        Workdir(begun, SETTINGS, NAMES)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TrainerError, match=f"{tmp_path}/file/run: expected to write"):
        Workdir(tmp_path / "file" / "run", SETTINGS, NAMES)


def test_records_are_on_the_disk_before_the_checkpoint_that_needs_them(
    folder, monkeypatch
):
    work, done = Workdir(folder, SETTINGS, NAMES), []
    model = network()
    work.record(record(1, loss=0.5))
    monkeypatch.setattr(os, "fsync", lambda number: done.append("records"))
    monkeypatch.setattr(work._checkpoint, "save", lambda _: done.append("checkpoint"))
    work.save(model)
    work.close()
    assert done == ["records", "checkpoint"]
