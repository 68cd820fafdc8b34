"""Values with commas: those that may not have been meant as a sweep are asked about."""

import pytest

from textlstm.checks import InputError
from textlstm.commandline.arguments import prepare


@pytest.mark.parametrize(
    ("typed", "one", "each"),
    [
        ("optimizer.lr=0,001", "number it is optimizer.lr=0.001", "optimizer.lr=choice(0,1)"),
        ("model.dropout=0,5", "number it is model.dropout=0.5", "model.dropout=choice(0,5)"),
        ("data.label_names=a,b", "list it is data.label_names=[a,b]", "data.label_names=[a],[b]"),
        ("model.head=64,32", "list it is model.head=[64,32]", "model.head=[64],[32]"),
    ],
)
def test_a_value_with_two_readings_is_one_error_that_says_how_to_type_each(typed, one, each):
    with pytest.raises(InputError) as error:
        prepare("train", [typed])
    assert str(error.value) == (
        f"{typed} can be read in two ways. As one {one}; as a sweep, with a run for each value, "
        f"it is {each}."
    )
    assert "--multirun" in prepare("train", [each])


@pytest.mark.parametrize(
    "typed",
    ["model.hidden=8,16", "data.fold=0,1", "seed=0,5", "optimizer.lr=0.1,0.2"],
)
def test_a_list_of_values_is_a_sweep(typed):
    assert "--multirun" in prepare("train", [typed])
