"""Looks at the data before any training: classes, lengths, vocabulary, duplicates, what is typical
of each class.

python src/inspect_data.py data.train=my.csv
python src/inspect_data.py data.train='logs/*.jsonl' data.tokenizer=bpe
"""

from textlstm.commands.main import main

if __name__ == "__main__":
    main("inspect_data")
