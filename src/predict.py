"""Predicts the class of new texts with a finished run.

python src/predict.py run=outputs/runs/2026-01-31_12-00-00 text="Striker signs for Porto"
python src/predict.py run=outputs/runs/2026-01-31_12-00-00 input=new.csv output=predicted.csv
"""

from typing import Any

from textlstm.commands import main as command_line
from textlstm.terminal import loading


def predict(config: dict[str, Any]) -> None:
    with loading():
        from textlstm.commands.predict import predict

    predict(config)


if __name__ == "__main__":
    command_line.main("predict", predict)
