"""Scores a finished run again: on a split of its own, or on another file.

python src/evaluate.py run=outputs/runs/2026-01-31_12-00-00
python src/evaluate.py run=outputs/runs/2026-01-31_12-00-00 file=new.csv
"""

from textlstm.commandline.start import start

if __name__ == "__main__":
    start("evaluate")
