"""The command `textlstm`, and `python -m textlstm`.

textlstm train model.hidden=128 trainer.max_epochs=20
textlstm predict run=outputs/runs/2026-01-31_12-00-00 text="Striker signs for Porto"
"""

import sys
from importlib.metadata import version

from textlstm.checks import InputError, nearest
from textlstm.commandline.completion import FLAGS, complete
from textlstm.commandline.output import fail, show
from textlstm.commandline.start import start
from textlstm.places import CONF
from textlstm.ranks import passed_on
from textlstm.typed import as_typed

COMMANDS = (
    "inspect_data",
    "suspects",
    "train",
    "evaluate",
    "predict",
    "label_next",
    "export",
    "serve",
    "leaderboard",
    "compare",
    "runs",
    "benchmark",
)


def main() -> None:
    """Runs the command that the first argument names; the others are the command's own."""
    command, *arguments = passed_on() or sys.argv[1:] or ["--help"]
    if command in ("-h", "--help") and arguments[:1] and arguments[0] in COMMANDS:
        command, arguments = arguments[0], ["--help", *arguments[1:]]
    if command in ("-h", "--help"):
        show(overview())
    elif command == "--version":
        show(f"textlstm {version('textlstm')}")
    elif command in FLAGS:
        complete(arguments, COMMANDS)
    else:
        if command not in COMMANDS:
            fail(
                InputError(
                    f"There is no command {command!r}.{nearest(command, COMMANDS)} "
                    f"There are {', '.join(COMMANDS)}; --help says what they do."
                )
            )
        sys.argv[1:] = arguments
        start(command)


def overview() -> str:
    """Lists the commands, each with the first line of its help."""
    lines = [f"  {command:14}{_summary(command)}" for command in COMMANDS]
    return "\n".join(
        [
            "Text classification with LSTMs: train, compare, search, ship.",
            "",
            *lines,
            "",
            f"{as_typed('COMMAND')} --help explains a command; a sweep is "
            f"{as_typed('train')} sweep=grid.",
        ]
    )


def _summary(command: str) -> str:
    file = CONF / "hydra" / "help" / f"{command}.yaml"
    return file.read_text(encoding="utf-8").splitlines()[1].strip()  # below `template: |`


if __name__ == "__main__":
    main()
