"""Makes this machine claim TEXTLSTM_TEST_CORES cores, as people's machines have them.

Python imports a module of this name as it starts, if the folder is on its path: tests/conftest.py
puts it on PYTHONPATH, so that whatever the tests start claims the same, and what that starts.
What Lightning advises, how many workers a sweep has and how many threads are tried all depend on
it.
"""

import os

if cores := int(os.environ.get("TEXTLSTM_TEST_CORES") or 0):
    os.cpu_count = lambda: cores  # which multiprocessing.cpu_count asks, too
    os.sched_getaffinity = lambda pid=0, /: set(range(cores))
    os.process_cpu_count = lambda: cores  # of Python 3.13 and later
