"""Compares finished runs: what differs, whose scores are better, and which texts changed.

python src/compare.py outputs/runs/2026-01-31_12-00-00 latest
python src/compare.py outputs/sweeps/units/model.hidden-64 outputs/sweeps/units/model.hidden-128
"""

from textlstm.commandline.start import start

if __name__ == "__main__":
    start("compare")
