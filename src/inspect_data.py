"""Looks at the data before any training: classes, lengths, vocabulary, duplicates, what is typical
of each class.

python src/inspect_data.py data.train=my.csv
python src/inspect_data.py data.train='logs/*.jsonl' data.tokenizer=bpe
"""

from typing import Any

from textlstm.commands import main as command_line
from textlstm.terminal import loading


def inspect_data(config: dict[str, Any]) -> None:
    with loading():
        from textlstm.commands.inspect_data import inspect_data

    inspect_data(config)


if __name__ == "__main__":
    command_line.main("inspect_data", inspect_data)
