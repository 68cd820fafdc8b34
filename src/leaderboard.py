"""Prints a sweep's configurations, best first, with commands to train the best again.

python src/leaderboard.py
python src/leaderboard.py grid
"""

from textlstm.commandline.start import start

if __name__ == "__main__":
    start("leaderboard")
