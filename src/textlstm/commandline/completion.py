"""Answers a shell that completes `textlstm COMMAND KEY=…`.

eval "$(textlstm -sc install=bash)"

Hydra's function for bash asks `textlstm -sc query=bash`, with what is typed so far in the variable
COMP_LINE. Hydra itself knows of no commands before the keys.
"""

import os
import re
import sys
from collections.abc import Sequence

from textlstm.commandline.start import start
from textlstm.places import CONF

FLAGS = ("-sc", "--shell_completion")
TYPED = re.compile(r"\s*\S+\s+(?P<command>\S+)\s(?P<rest>.*)", re.DOTALL)


def complete(arguments: list[str], commands: Sequence[str]) -> None:
    """Prints what may come next: a command or, behind one, its keys and presets.

    Args:
        arguments: Hydra's, such as `query=bash`, or `install=bash`, which prints the function.
        commands: the names of all commands.
    """
    command = "train"
    if arguments[:1] == ["query=bash"]:
        typed = TYPED.fullmatch(os.environ.get("COMP_LINE", ""))
        if typed is None:
            print(*commands)
            return
        command = typed["command"]
        if command not in commands or not (CONF / f"{command}.yaml").is_file():
            return  # no command, or one without keys
        os.environ["COMP_LINE"] = f"textlstm {typed['rest']}"
    sys.argv[1:] = [FLAGS[0], *arguments]
    start(command)
