"""Chooses from texts without a label those that are most useful to label next.

python src/label_next.py run=latest input=unlabelled.csv output=next.csv
python src/label_next.py run=latest input=unlabelled.csv output=next.csv number=50
"""

from textlstm.commandline.start import start

if __name__ == "__main__":
    start("label_next")
