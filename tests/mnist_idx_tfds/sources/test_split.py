"""The order of classes, and which of their items are tested on."""

import numpy as np
import pytest

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import split as module
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Placed, Source


def source(**kwargs):
    return Source("root", 0, iter(()), **kwargs)


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        (["dog", "Cat"], ["Cat", "dog"]),
        (["10", "9", "-1"], ["-1", "9", "10"]),
        (["10.0", "9.0"], ["9.0", "10.0"]),
        (["10", "9", "x"], ["10", "9", "x"]),
    ],
)
def test_names_are_in_the_order_of_text_or_numbers(names, ordered):
    assert module.in_order(names) == ordered


def test_labels_with_gaps_are_numbered_without():
    placed = [Placed(name, "", "") for name in ("7", "30", "7", "2")]
    assert module.names_of(source(), placed) == ["2", "7", "30"]


def test_given_names_without_items_are_dropped_or_kept_as_the_source_has_it():
    placed = [Placed("b", "", "")]
    for unused, names in (("drop", ["b"]), ("keep", ["c", "b"])):
        given = source(names=["c", "b"], unused=unused)
        assert module.names_of(given, placed) == names


def test_a_name_that_labels_txt_cannot_hold_is_refused():
    with pytest.raises(idx.IdxError, match=r"class name: expected .*, found 'a\\nb'"):
        module.names_of(source(), [Placed("a\nb", "", "")])


def split(counts, share=0.2, seed=0, given=None, **kwargs):
    """Splits classes of so many items; returns `class/key` of each, in order."""
    placed = [
        Placed(f"class {label}", given[n % 2] if given else "", f"{n}")
        for label, count in enumerate(counts)
        for n in range(count)
    ]
    names = [f"class {label}" for label in range(len(counts))]
    options = Options(test_share=share, seed=seed)
    splits = module.split(source(**kwargs), names, placed, options).order
    assert sorted(splits["train"] + splits["test"]) == list(range(len(placed)))
    return {
        name: [f"{placed[n].label[6:]}/{placed[n].key}" for n in order]
        for name, order in splits.items()
    }


def per_class(paths, classes):
    return np.bincount([int(path[0]) for path in paths], minlength=classes).tolist()


@pytest.mark.parametrize(
    ("share", "tested"),
    [
        (0.2, [20, 2, 1, 1, 0]),
        (0.01, [1, 1, 1, 1, 0]),
        (0.5, [50, 5, 2, 1, 0]),
        (0.99, [99, 9, 2, 1, 0]),
    ],
)
def test_each_class_has_its_share_in_both_splits(share, tested):
    """At least one, of those with two items or more."""
    counts = [100, 10, 3, 2, 1]
    splits = split(counts, share)
    assert per_class(splits["test"], 5) == tested
    trained = [count - test for count, test in zip(counts, tested, strict=True)]
    assert per_class(splits["train"], 5) == trained


def test_given_splits_are_kept_and_so_is_the_order():
    splits = split([6, 4], given=("train", "test"))
    assert splits == {
        "train": ["0/0", "0/2", "0/4", "1/0", "1/2"],
        "test": ["0/1", "0/3", "0/5", "1/1", "1/3"],
    }


def test_given_splits_of_a_source_without_an_order_are_mixed():
    splits = split([60, 40], given=("train", "test"), ordered=False)
    in_order = split([60, 40], given=("train", "test"))
    assert splits["train"] != in_order["train"]
    assert sorted(splits["train"]) == sorted(in_order["train"])
    assert all(int(path[2:]) % 2 for path in splits["test"])


def test_the_order_is_mixed_and_of_the_seed():
    first, again, other = split([50, 50]), split([50, 50]), split([50, 50], seed=1)
    assert first == again
    assert set(first["test"]) != set(other["test"])
    for paths in (first["train"], first["test"]):
        assert paths != sorted(paths)
        assert len({path[0] for path in paths[:8]}) == 2


def test_few_items_change_their_split_when_one_is_added():
    before, after = (set(split([count])["test"]) for count in (100, 105))
    assert len(before) + 1 == len(after)
    assert len(before & after) >= len(before) - 5


@pytest.mark.parametrize(
    ("counts", "kwargs", "message"),
    [
        (
            [2, 0],
            {},
            "class 'class 1': expected an image to train on, found none. "
            "Add some, or remove the class.",
        ),
        (
            [1, 1],
            {},
            "test split: expected a class with two images or more, found none. "
            "Add images.",
        ),
    ],
)
def test_nothing_to_train_or_test_on_is_named(counts, kwargs, message):
    with pytest.raises(idx.IdxError) as caught:
        split(counts, **kwargs)
    assert str(caught.value) == f"root: {message}"


def test_a_class_without_items_may_stay():
    assert split([2, 0], unused="keep") == {"train": ["0/0"], "test": ["0/1"]}


def test_what_is_to_validate_is_trained_on_or_tested_on_where_nothing_else_is():
    placed = [
        Placed("x", part, f"{n}") for n, part in enumerate(["train", "valid"] * 2)
    ]
    made = module.split(source(), ["x"], placed, Options())
    assert made.order == {"train": [0, 2], "test": [1, 3]}
    assert made.notes == ["root: the 2 of valid are tested on, as nothing else is"]
    placed.append(Placed("x", "test", "4"))
    made = module.split(source(), ["x"], placed, Options())
    assert made.order == {"train": [0, 1, 2, 3], "test": [4]}
    assert made.notes == ["root: the 2 of valid are trained on, too"]


def test_a_flag_that_changes_nothing_is_said():
    placed = [Placed("x", part, "") for part in ("train", "test")]
    made = module.split(source(), ["x"], placed, Options(test_share=0.3))
    assert made.notes == ["root: has its own split, so --test_share changes nothing"]


def test_equal_images_go_to_one_side_and_others_as_ever():
    digests = [f"{n}".encode() for n in range(100)]
    before = split([100])
    for one, other in ((3, 4), (10, 90), (50, 51)):
        digests[other] = digests[one]
    placed = [Placed("class 0", "", f"{n}", "", d) for n, d in enumerate(digests)]
    order = module.split(source(), ["class 0"], placed, Options()).order
    for one, other in ((3, 4), (10, 90), (50, 51)):
        assert (one in order["test"]) == (other in order["test"])
    assert len(order["test"]) in (19, 20, 21)
    changed = {f"0/{n}" for n in order["test"]} ^ {*before["test"]}
    assert len(changed) <= 6


@pytest.mark.parametrize("seed", range(5))
def test_all_of_a_group_go_to_one_side_and_each_class_has_both(seed):
    """Writers wrote some of each class, and not the same number."""
    random = np.random.default_rng(seed)
    placed = [
        Placed(name, "", f"{n}", f"writer {random.integers(12)}", f"{name}{n}".encode())
        for name in ("a", "b", "c")
        for n in range(80)
    ]
    options = Options(seed=seed)
    order = module.split(source(), ["a", "b", "c"], placed, options).order
    sides = [{placed[n].group for n in order[part]} for part in ("train", "test")]
    assert not sides[0] & sides[1]
    for name in ("a", "b", "c"):
        tested = sum(placed[n].label == name for n in order["test"])
        assert 4 <= tested <= 32


def test_a_class_of_one_group_alone_is_trained_on_and_said():
    placed = [Placed("a", "", f"{n}", "g") for n in range(5)]
    placed += [Placed("b", "", f"{n}") for n in range(5)]
    made = module.split(source(), ["a", "b"], placed, Options())
    assert {placed[n].label for n in made.order["test"]} == {"b"}
    assert made.notes == [
        "root: nothing is tested on of 1 classes whose images are equal or of one "
        "group, such as a"
    ]


def test_equal_images_in_all_groups_do_not_make_one_of_them():
    placed = [Placed("a", "", f"{n}", f"{n // 4}", b"%d" % n) for n in range(80)]
    for n in range(0, 80, 4):
        placed[n] = placed[n]._replace(digest=b"blank")
    made = module.split(source(), ["a"], placed, Options())
    assert 12 <= len(made.order["test"]) <= 20
    sides = [{placed[n].group for n in order} for order in made.order.values()]
    assert not sides[0] & sides[1]
    assert made.notes == [
        "root: 10 images that are equal to some of other groups may be on the other side"
    ]
