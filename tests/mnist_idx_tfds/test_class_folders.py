"""Names for the folders of classes."""

from mnist_idx_tfds import class_folders


def test_names_that_folders_can_have_are_theirs():
    names = ("0", "a b", "字", "-x", "é.1")
    assert class_folders.names(names) == list(names)


def test_a_name_made_safe_is_not_that_of_another_class():
    names = ("a_b-1", "a/b", "0", "", "1-0")
    found = class_folders.names(names)
    assert len({name.casefold() for name in found}) == len(names)
    assert found[0] == "a_b-1"


def test_a_class_has_not_the_name_of_what_lies_beside_its_folder():
    assert class_folders.names(["A.csv", "b"], ["a.csv"]) == ["A.csv-0", "b"]
