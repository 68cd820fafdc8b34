"""Trains a classifier and keeps everything about it in one run folder.

python src/train.py model.hidden=128 trainer.max_epochs=20
python src/train.py sweep=grid
"""

from textlstm.commandline.start import start

if __name__ == "__main__":
    start("train")
