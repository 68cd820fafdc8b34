"""Answers in a browser and to programs with the model of a finished run.

python src/serve.py run=outputs/runs/2026-01-31_12-00-00
python src/serve.py run=latest port=8080
"""

from textlstm.commandline.start import start

if __name__ == "__main__":
    start("serve")
