"""Trains a classifier and keeps everything about it in one run folder.

python src/train.py model.hidden=128 trainer.max_epochs=20
python src/train.py sweep=grid
"""

from typing import Any

from textlstm.commands import main as command_line
from textlstm.terminal import loading


def train(config: dict[str, Any]) -> float:
    with loading():
        from textlstm.training.run import train

    return train(config)


if __name__ == "__main__":
    command_line.main("train", train)
