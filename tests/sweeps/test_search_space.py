"""What a sweep tries: the points of a grid, and values in the ranges of a search."""

import optuna
import pytest
from omegaconf import OmegaConf

from helpers.configs import composed
from helpers.studies import CONFIG, RANGES
from textlstm.checks import InputError
from textlstm.sweeps.search_space import SearchSpace


def test_overrides_fall_into_fixed_and_swept_and_the_last_of_a_key_counts():
    space = SearchSpace.of(["a=1", "b=1,2", "c=x,y", "b=3,4,5", "a=2"], CONFIG)
    assert space.fixed == ["a=2"]
    assert list(space.grid()) == [[f"b={b}", f"c={c}"] for b in (3, 4, 5) for c in "xy"]


def test_a_grid_refuses_an_interval():
    with pytest.raises(
        InputError,
        match=r"x=interval\(0,1\): a grid takes lists .* needs sweep.trials= or sweep.minutes=",
    ):
        SearchSpace.of(["x=interval(0,1)"], CONFIG).grid()


def test_suggestions_lie_in_their_ranges():
    space = SearchSpace.of(RANGES, CONFIG)
    assert space.described()["lr"] == "tag(log,interval(1e-4,1e-1))"
    trials = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    tried = [dict(pair.split("=") for pair in space.suggest(trials.ask())) for _ in range(200)]
    assert all(0 <= float(point["x"]) <= 1 for point in tried)
    assert all(1e-4 <= float(point["lr"]) <= 1e-1 for point in tried)
    assert {point["n"] for point in tried} == {"1", "2", "3"}
    assert {point["m"] for point in tried} == {"1", "2"}
    assert {point["k"] for point in tried} == {"2", "4", "6"}
    assert {point["kind"] for point in tried} == {"a", "b"}
    small = sum(float(point["lr"]) < 3e-3 for point in tried)
    assert 0.3 < small / 200 < 0.7  # half of them, on a logarithmic scale
    assert max(len(point["x"]) for point in tried) <= 8  # three digits, as a person would type them


@pytest.mark.parametrize("key", ["trainer.max_epochs", "data.batch_size", "model.hidden"])
def test_an_interval_of_what_takes_whole_numbers_has_no_others(key):
    space = SearchSpace.of([f"{key}=interval(3,12)"], OmegaConf.create(composed("train")))
    trials = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    tried = {value for _ in range(200) for value in space.suggest(trials.ask())}
    assert tried == {f"{key}={number}" for number in range(3, 13)}
