"""Work in threads, whose results come in order."""

import functools
import threading

import pytest

from mnist_idx_tfds import machine, threads


@pytest.fixture
def in_order(monkeypatch):
    def on_cores(function, items, cores):
        monkeypatch.setattr(machine, "cores", lambda: cores)
        return threads.in_order(function, items)

    return on_cores


def test_results_come_in_the_order_of_the_items_whichever_is_done_first(in_order):
    done, reached = [], [threading.Event() for _ in range(8)]

    def slower_if_even(n):
        if n % 2 == 0:
            assert reached[n + 1].wait(60)
        done.append(n)
        reached[n].set()
        return n * n

    assert list(in_order(slower_if_even, range(8), 2)) == [n * n for n in range(8)]
    assert done == [1, 0, 3, 2, 5, 4, 7, 6]


def test_as_many_items_are_worked_on_at_once_as_there_are_threads(in_order):
    together = threading.Barrier(3)
    with pytest.raises(threading.BrokenBarrierError):
        list(in_order(lambda _: together.wait(0.2), range(6), 2))
    together.reset()
    assert len(list(in_order(lambda _: together.wait(60), range(6), 3))) == 6


def test_no_more_than_two_items_for_each_thread_are_taken_before_they_are_used(
    in_order,
):
    taken, before = [], threading.active_count()

    def items():
        for n in range(100):
            taken.append(n)
            yield n

    results = in_order(lambda n: n, items(), 3)
    for used in range(1, 20):
        next(results)
        assert len(taken) - used <= 6
    results.close()
    assert len(taken) < 30
    assert threading.active_count() == before


def fail_at(n, at):
    if n == at:
        raise ValueError(f"item {n}")
    return n


@pytest.mark.parametrize(
    ("function", "items"),
    [
        (functools.partial(fail_at, at=4), range(9)),
        (abs, (fail_at(n, 4) for n in range(9))),
    ],
    ids=["function", "items"],
)
def test_an_error_comes_in_the_place_of_its_result_and_is_the_last(
    in_order, function, items
):
    before = threading.active_count()
    results, found = in_order(function, items, 2), []
    with pytest.raises(ValueError, match="item 4"):
        found.extend(results)
    assert found == [0, 1, 2, 3]
    assert threading.active_count() == before
