"""Writes a finished run's model as ONNX beside it, checked against PyTorch.

python src/export.py run=outputs/runs/2026-01-31_12-00-00
python src/export.py run=outputs/sweeps/grid/model.hidden-64
"""

from textlstm.commandline.start import start

if __name__ == "__main__":
    start("export")
