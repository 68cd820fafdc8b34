"""Predicts the class of new texts with a finished run.

python src/predict.py run=outputs/runs/2026-01-31_12-00-00 text="Striker signs for Porto"
python src/predict.py run=outputs/runs/2026-01-31_12-00-00 input=new.csv output=predicted.csv
"""

from textlstm.commandline.start import start

if __name__ == "__main__":
    start("predict")
