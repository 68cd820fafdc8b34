"""Threads: the fastest number is taken, and the same one the next time."""

import time

import pytest
import torch

from textlstm.training.threads import choose_threads

pytestmark = pytest.mark.cores


@pytest.fixture(autouse=True)
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def slow_with(threads):
    def step():
        time.sleep(0.02 if torch.get_num_threads() == threads else 0.001)
        torch.rand(1)

    return step


@pytest.mark.parametrize(("slow", "fastest"), [(1, 2), (2, 1)])
def test_the_fastest_number_of_threads_is_taken_and_torch_left_as_it_was(tmp_path, slow, fastest):
    state = torch.get_rng_state()
    count, milliseconds = choose_threads(slow_with(slow), [64, 20], tmp_path)
    assert count == fastest
    assert list(milliseconds) == [1, 2]
    assert milliseconds[slow] > milliseconds[fastest]
    assert torch.get_num_threads() == 2
    assert torch.equal(torch.get_rng_state(), state)


def test_the_choice_is_kept_for_the_same_shape_so_that_runs_repeat(tmp_path):
    assert choose_threads(slow_with(1), [64, 20], tmp_path)[0] == 2
    assert choose_threads(slow_with(2), [64, 20], tmp_path)[0] == 2
    assert choose_threads(slow_with(2), [64, 21], tmp_path)[0] == 1


def test_with_one_core_there_is_nothing_to_choose(tmp_path):
    torch.set_num_threads(1)
    assert choose_threads(slow_with(2), [64, 20], tmp_path)[0] == 1
