"""Scores a finished run again: on a split of its own, or on another file.

python src/evaluate.py run=outputs/runs/2026-01-31_12-00-00
python src/evaluate.py run=outputs/runs/2026-01-31_12-00-00 file=new.csv
"""

from typing import Any

from textlstm.commands import main as command_line
from textlstm.terminal import loading


def evaluate(config: dict[str, Any]) -> None:
    with loading():
        from textlstm.commands.evaluate import evaluate

    evaluate(config)


if __name__ == "__main__":
    command_line.main("evaluate", evaluate)
