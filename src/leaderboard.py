"""Prints a sweep's configurations, best first, with the commands that train the best again and
score it on test.

python src/leaderboard.py
python src/leaderboard.py outputs/sweeps/grid
"""

from textlstm.commands.main import main

if __name__ == "__main__":
    main("leaderboard")
