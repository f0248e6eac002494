"""Which of a network's classes those of a data set are."""

import pytest

from trainer.errors import TrainerError
from trainer.network import classes
from trainer.network.card import Card


@pytest.mark.parametrize(
    ("shape", "count", "message"),
    [
        (
            (28, 28, 1),
            3,
            "images: expected 28x28x1, as in own, found a model of 20x20x1",
        ),
        (
            (20, 20, 3),
            3,
            "images: expected 20x20x3, as in own, found a model of 20x20x1",
        ),
        ((20, 20, 1), 4, "classes: expected 4, as in own, found a model of 3"),
    ],
)
def test_a_model_of_other_data_is_refused_with_both_shapes(shape, count, message):
    data = "own", shape, ("x",) * count
    with pytest.raises(TrainerError, match=message):
        classes.fitted("m.keras", Card(tuple("012"), (20, 20, 1)), *data)


@pytest.mark.parametrize(
    ("model", "data", "names", "labels"),
    [
        ("abc", "abc", "abc", [0, 1, 2]),
        ("abc", "ca", "abc", [2, 0]),
        ("201", "10", "201", [2, 1]),
        ("abc", "01", "abc", [0, 1]),
        ("012", "ab", "ab2", [0, 1]),
        ("012", "01", "012", [0, 1]),
        ("012", "12", "012", [1, 2]),
    ],
)
def test_classes_go_by_name_where_one_is_the_same_or_both_sides_have_names(
    model, data, names, labels
):
    own = "own", (20, 20, 1), tuple(data)
    fitted = classes.fitted("m.keras", Card(tuple(model), (20, 20, 1)), *own)
    assert ("".join(fitted[0]), fitted[1].tolist()) == (names, labels)


def test_a_model_of_any_size_of_image_is_taken():
    card = Card(tuple("012"), (None, None, 1))
    classes.fitted("m.keras", card, "own", (9, 9, 1), tuple("abc"))


@pytest.mark.parametrize(("model", "data"), [("012", "123"), ("ab1", "01"), ("a", "b")])
def test_a_class_of_a_name_that_the_model_has_not_is_one_line(model, data):
    with pytest.raises(TrainerError, match="found none of the name"):
        classes.matched("m.keras", model, data, "own")
