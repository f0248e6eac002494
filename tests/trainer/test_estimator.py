"""The trainer as an estimator of scikit-learn."""

import pickle

import idx_files
import numpy as np
import pytest

from trainer.errors import TrainerError

pytest.importorskip("sklearn", reason="scikit-learn comes with the extra test")
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from trainer import ImageClassifier

NAMES = np.array(["top", "middle", "bottom"])
# Checks of scikit-learn whose data are no images: rows of a few numbers of any kind,
# which no network here could take. What is checked with them is tested below.
NO_IMAGES = (
    "its data are rows of a few numbers, negative or no whole ones, and no images"
)
BEYOND = dict.fromkeys(
    [
        "check_fit_score_takes_y",
        "check_estimators_overwrite_params",
        "check_dont_overwrite_parameters",
        "check_estimators_fit_returns_self",
        "check_readonly_memmap_input",
        "check_n_features_in_after_fitting",
        "check_estimators_dtypes",
        "check_dtype_object",
        "check_pipeline_consistency",
        "check_estimators_nan_inf",
        "check_estimators_pickle",
        "check_f_contiguous_array_estimator",
        "check_classifier_data_not_an_array",
        "check_classifiers_one_label",
        "check_classifiers_classes",
        "check_classifiers_train",
        "check_supervised_y_2d",
        "check_class_weight_classifiers",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_fit2d_1sample",
        "check_fit2d_1feature",
        "check_dict_unchanged",
        "check_fit_idempotent",
        "check_fit_check_is_fitted",
        "check_n_features_in",
        "check_fit2d_predict1d",
    ],
    NO_IMAGES,
)


def bars(count, seed=0):
    images, labels = idx_files.bars(count, seed)
    return images, NAMES[labels]


def small(**params):
    return ImageClassifier(model="cnn", epochs=6, batch_size=16, **params)


@pytest.mark.filterwarnings("ignore:Skipping check check_array_api_input")
def test_scikit_learns_own_checks_pass_in_all_that_applies_to_images():
    results = check_estimator(
        ImageClassifier(), expected_failed_checks=BEYOND, on_fail=None
    )
    found = {
        kind: {r["check_name"] for r in results if r["status"] == kind}
        for kind in ("failed", "xfail", "passed")
    }
    assert found["failed"] == set()
    assert found["xfail"] == set(BEYOND)
    assert len(found["passed"]) >= 20


@pytest.fixture(scope="module")
def fitted():
    images, names = bars(90)
    return small().fit(images, names)


def test_it_learns_labels_and_gives_them_back_with_their_probabilities(fitted):
    images, names = bars(30, 1)
    assert fitted.classes_.tolist() == sorted(NAMES)
    assert fitted.n_features_in_ == 256
    assert fitted.score(images, names) == 1
    np.testing.assert_array_equal(fitted.predict(images), names)
    probabilities = fitted.predict_proba(images)
    assert probabilities.shape == (30, 3)
    best = fitted.classes_[probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(best, names)


def test_the_same_seed_gives_the_same_bits_whatever_form_images_have(fitted):
    """Rows of pixels and floats, and labels of which some are numbers of two digits."""
    images, names = bars(90)
    numbers = np.array([2, 11, -1])[np.argsort(np.argsort(NAMES))]
    labels = numbers[[[*NAMES].index(name) for name in names]]
    rows = clone(fitted).fit(images.reshape(90, -1) / 1.0, labels)
    assert rows.classes_.tolist() == [-1, 2, 11]
    found = rows.predict(images.reshape(90, -1))
    np.testing.assert_array_equal(found, labels)
    np.testing.assert_array_equal(
        clone(fitted).fit(images, names).predict_proba(images),
        fitted.predict_proba(images),
    )


def test_it_goes_through_pipelines_and_cross_validation():
    images, names = bars(60)
    inverted = FunctionTransformer(lambda x: 255 - x)
    scores = cross_val_score(make_pipeline(inverted, small()), images, names, cv=2)
    assert scores.min() > 0.9


def test_it_is_pickled_as_it_is(fitted):
    images, _ = bars(9, 2)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        again.predict_proba(images), fitted.predict_proba(images)
    )


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (bars(4)[0], None, "requires y to be passed, but the target y is None"),
        (bars(4)[0], [1, 1, 1, 1], "expected two classes at least, found 1"),
        (bars(4)[0], [0.5, 1.5, 2.5, 3.7], "Unknown label type: continuous"),
        (
            bars(4)[0].reshape(4, 256)[:, :250],
            [0, 1, 0, 1],
            "X: expected rows of square",
        ),
        (bars(4)[0] / 255, [0, 1, 0, 1], "expected whole numbers from 0 to 255"),
    ],
)
def test_what_cannot_be_fitted_is_an_error(images, labels, says):
    with pytest.raises(ValueError, match=says):
        small().fit(images, labels)


def test_images_of_another_size_than_learned_are_an_error(fitted):
    with pytest.raises(
        TrainerError, match="X has 289 features, but ImageClassifier is"
    ):
        fitted.predict(np.zeros((2, 17, 17), np.uint8))
