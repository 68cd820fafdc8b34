"""The rule by which batch size and epochs follow from the rows, in literals."""

import pytest

from helpers.small import data_module
from textlstm.data.duration import batch_size_for, epochs_for


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (1, 8),
        (240, 8),
        (511, 8),
        (512, 16),
        (1023, 16),
        (1024, 32),
        (2047, 32),
        (2048, 64),
        (8800, 64),
        (10**7, 64),
    ],
)
def test_the_batch_grows_with_the_rows(rows, expected):
    assert batch_size_for(rows) == expected


@pytest.mark.parametrize(
    ("steps_per_epoch", "expected"),
    [(1, 100), (25, 100), (30, 84), (34, 74), (138, 19), (500, 5), (921, 5), (10**6, 5)],
)
def test_epochs_reach_the_steps_within_the_fewest_and_the_most(steps_per_epoch, expected):
    assert epochs_for(steps_per_epoch) == expected


@pytest.mark.parametrize(("given", "expected"), [(None, 16), (7, 7), (1000, 1000)])
def test_a_batch_size_that_is_given_is_kept_and_else_follows_from_the_training_rows(
    tmp_path, given, expected
):
    data = data_module(tmp_path, batch_size=given, max_rows=800)  # some 640 of them train
    data.setup()
    assert data.batch_size == expected
    assert max(len(batch.labels_B) for batch in data.train_dataloader()) == min(
        expected, data.learned_rows()
    )


def test_a_refit_has_the_batches_of_the_run_that_it_follows(tmp_path):
    data = data_module(tmp_path, batch_size=None, max_rows=600, refit=True)  # 8 tenths, then 9
    data.setup()
    assert data.facts["splits"]["train"]["rows"] > 512 > data.learned_rows()
    assert data.batch_size == 8
