"""Writes a finished run's model as ONNX beside it, checked against PyTorch.

python src/export.py run=outputs/runs/2026-01-31_12-00-00
python src/export.py run=outputs/sweeps/grid/model.hidden-64
"""

from typing import Any

from textlstm.commands import main as command_line
from textlstm.terminal import loading


def export(config: dict[str, Any]) -> None:
    with loading():
        from textlstm.model.onnx import export

    export(config)


if __name__ == "__main__":
    command_line.main("export", export)
