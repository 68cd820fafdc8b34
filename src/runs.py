"""Lists all runs, those of a data set together, the best first.

python src/runs.py
python src/runs.py --data my.csv --since 7d
"""

from textlstm.commandline.start import start

if __name__ == "__main__":
    start("runs")
