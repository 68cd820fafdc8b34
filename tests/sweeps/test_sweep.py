"""Sweeps that are refused before anything is run."""

import pytest
from omegaconf import OmegaConf

from helpers.studies import CONFIG
from textlstm.checks import InputError
from textlstm.sweeps import sweep as sweeping
from textlstm.sweeps.search_space import SearchSpace


@pytest.mark.parametrize(
    ("overrides", "searching", "message"),
    [
        (
            ["data.refit=true", "model.hidden=8,16"],
            False,
            "no validation score to compare runs by: leave it out of a sw",
        ),
        (["data.refit=true,false"], False, "no validation score to compare runs by"),
        (
            ["data.folds=5", "data.fold=0,1"],
            True,
            "data.fold=0,1: a search would look for the easiest fold. Give it one",
        ),
    ],
)
def test_sweeps_that_would_compare_what_cannot_be_compared_are_refused(
    overrides, searching, message
):
    space = SearchSpace.of(overrides, CONFIG)
    config = OmegaConf.create({"data": {"refit": overrides[0] == "data.refit=true"}})
    with pytest.raises(InputError, match=message):
        sweeping._check_data(config, space, searches=searching)
