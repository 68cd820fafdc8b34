"""Ranks the labels of training rows by how doubtful they look to runs that have not seen them.

python src/suspects.py data.train=my.csv
python src/suspects.py data.train=my.csv folds=10 experiment=quick
"""

from textlstm.commandline.start import start

if __name__ == "__main__":
    start("suspects")
