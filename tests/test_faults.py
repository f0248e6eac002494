"""A trial or two of each rig of `faults.py`, which runs many more."""

import pytest
from faults import Survivor


@pytest.fixture(scope="module")
def survivor(tmp_path_factory):
    """The deep network, because its dropout has a state of its own."""
    return Survivor(tmp_path_factory.mktemp("survivor"), "deep")


def test_the_same_command_gives_the_same_bits(survivor):
    _, whole = survivor.whole
    assert survivor.state("first") == whole


def test_a_run_killed_in_its_middle_goes_on_to_the_same_bits(survivor):
    survivor.kill_training(0, 0.2)


def test_a_run_goes_on_to_the_same_bits_after_a_signal_and_a_full_disk(survivor):
    survivor.fill_disk_in_training(0, 0.5)


def test_a_build_that_is_killed_leaves_nothing_in_the_way(survivor):
    survivor.kill_build(0, 0.5)


def test_a_build_that_finds_no_room_leaves_nothing(survivor):
    survivor.fill_disk_in_build(0, 0.5)


def test_two_runs_that_both_find_no_data_end_well(survivor):
    survivor.two_trainers(0, 0.5)
