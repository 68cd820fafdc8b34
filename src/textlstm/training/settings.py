"""The settings of the training: one field for each key, checked when they are made.

The sentence under a field is the key's help. Torch is not imported here, so that `--help` is quick.
"""

from dataclasses import dataclass

from textlstm.checks import number


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """All keys of `optimizer`.

    Raises:
        InputError: a value outside its range, with its config key. The names of the optimizer and
            of the schedule are checked by the module that is trained, which knows them all.
    """

    name: str
    """adam or adamw"""

    lr: float
    """learning rate, the peak of a one-cycle schedule"""

    weight_decay: float
    """how much weights shrink in each step; decoupled from the gradient with adamw"""

    schedule: str
    """constant, one_cycle or plateau"""

    def __post_init__(self) -> None:
        number("optimizer.lr", self.lr, minimum=0)
        number("optimizer.weight_decay", self.weight_decay, minimum=0)
