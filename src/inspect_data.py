"""Looks at the data before any training: classes, lengths, words, duplicates.

python src/inspect_data.py data.train=my.csv
python src/inspect_data.py data.train='logs/*.jsonl' data.tokenizer=bpe
"""

from textlstm.commandline.start import start

if __name__ == "__main__":
    start("inspect_data")
