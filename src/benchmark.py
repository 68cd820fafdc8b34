"""Trains presets on each data set of a folder, and compares them with the linear model.

python src/benchmark.py --data FOLDER --presets best,default --seeds 1,2,3
python src/benchmark.py --data FOLDER --presets default,default+model.hidden=128 threads=1
"""

from textlstm.commandline.start import start

if __name__ == "__main__":
    start("benchmark")
