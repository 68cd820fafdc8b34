"""Makes the help of the commands: each key with the sentence at the place that declares it."""

import argparse
import ast
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from textlstm.checks import InputError, nearest
from textlstm.commandline.mistakes import raise_input_errors
from textlstm.commandline.settings import (
    EvaluateSettings,
    ExportSettings,
    InspectSettings,
    LabelNextSettings,
    PredictSettings,
    ServeSettings,
    SuspectsSettings,
)
from textlstm.data.settings import DataSettings
from textlstm.keys import leaf_values
from textlstm.model.settings import ModelSettings
from textlstm.places import CONF
from textlstm.sweeps.settings import SweepSettings
from textlstm.training.settings import OptimizerSettings, PretrainSettings, RunSettings
from textlstm.typed import as_typed

FLAGS = ("-h", "--help")
TRAINING = ("train", "suspects")  # commands with the keys of training
WIDTH = 80  # columns of the help
COLUMN = 29  # where the sentences begin
COMMENTED_KEY = re.compile(r"^( *)([a-z_]+):([^#\n]*)(?:#\s*(.+))?$", re.MULTILINE)


def help_topics(arguments: list[str]) -> list[str] | None:
    """Finds what help is asked about, such as `model`; [] is everything, None that it is not."""
    asked = [argument for argument in arguments if argument.partition("=")[0] in FLAGS]
    if not asked:
        return None
    named = [argument.partition("=")[2] for argument in asked]
    keys = [argument.partition("=")[0] for argument in arguments if not argument.startswith("-")]
    return [topic for topic in (*named, *keys) if topic]


def help_text(command: str, topics: list[str]) -> str:
    """Explains a command: examples, presets, and the keys by group with their defaults.

    Args:
        topics: groups or keys, such as `model` or `data.batch_size`, whose lines alone are shown.

    Raises:
        InputError: a topic that the command does not have.
    """
    if topics:
        return "\n\n".join(_topic(command, topic) for topic in topics)
    presets = preset_lines(command)
    listed = ["Presets, GROUP=NAME:", *presets.values(), ""] if presets else []
    groups = dict.fromkeys(key.partition(".")[0] for key in _sentences(command) if "." in key)
    alone = (
        f"\n\n{as_typed(command)} --help {next(iter(groups))} shows one group." if groups else ""
    )
    return "\n".join([examples(command), *listed, key_lines(command) + alone])


def examples(command: str) -> str:
    """Reads what a command is for, and command lines to begin with."""
    text: str = OmegaConf.load(CONF / "hydra" / "help" / f"{command}.yaml").template
    return text


def key_lines(command: str) -> str:
    """Explains the keys of a command by group, each with its default."""
    defaults = _defaults(command)
    return "\n\n".join(
        f"{title}:\n{_lines(sentences, defaults)}"
        for title, sentences in _sections(command).items()
    )


def preset_lines(command: str) -> dict[str, str]:
    """Lists the presets of each group of training, the default among them; {} without training."""
    if command not in TRAINING:
        return {}
    chosen: dict[str, str | None] = {}
    for entry in OmegaConf.load(CONF / f"{command}.yaml").defaults:
        if not isinstance(entry, str):
            chosen |= dict(entry)
    lines = {}
    for group, default in chosen.items():
        names = sorted(file.stem for file in (CONF / group).glob("*.yaml"))
        if names and not group.startswith("override"):
            listed = ", ".join(names) + f" (default: {default or 'none'})"
            lines[group] = _line(group, listed)
    return lines


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """The help of a command with options, laid out as that of one with keys."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, indent_increment=4, max_help_position=COLUMN, width=WIDTH)


def option_parser(command: str) -> tuple[argparse.ArgumentParser, argparse._ArgumentGroup]:
    """Makes the parser of a command with options, and the group that its options are added to."""
    parser = argparse.ArgumentParser(
        prog=as_typed(command),
        usage=argparse.SUPPRESS,
        description=examples(command),
        formatter_class=HelpFormatter,
        add_help=False,
    )
    raise_input_errors(parser, command)
    options = parser.add_argument_group("Options")
    options.add_argument("-h", "--help", action="help", help="shows this")
    return parser, options


def _topic(command: str, topic: str) -> str:
    """Explains the keys of one group, or one key.

    Raises:
        InputError: the command has neither.
    """
    sentences, presets = _sentences(command), preset_lines(command)
    chosen = {
        key: sentence
        for key, sentence in sentences.items()
        if key == topic or key.startswith(f"{topic}.")
    }
    if not chosen and topic not in presets:
        groups = dict.fromkeys([*(key.partition(".")[0] for key in sentences), *presets])
        raise InputError(
            f"{as_typed(command)} has no key and no group {topic!r} to explain."
            f"{nearest(topic, [*sentences, *groups])} There are {', '.join(groups)}."
        )
    lines = ["Presets:", presets[topic]] if topic in presets else []
    if chosen:
        lines += ["Keys:", _lines(chosen, _defaults(command))]
    return "\n".join(lines)


def _sentences(command: str) -> dict[str, str]:
    return {key: sentence for keys in _sections(command).values() for key, sentence in keys.items()}


def _sections(command: str) -> dict[str, dict[str, str]]:
    """Reads the sentence of each key of a command, under the titles of groups."""
    data = field_sentences(DataSettings, "data.")
    if command == "inspect_data":
        return {"Data": data, "Report": field_sentences(InspectSettings)}
    kinds = {
        "evaluate": EvaluateSettings,
        "predict": PredictSettings,
        "export": ExportSettings,
        "serve": ServeSettings,
    }
    if command in kinds:
        return {"Keys": field_sentences(kinds[command])}

    if command == "label_next":
        known = _defaults(command)
        keys = {**field_sentences(PredictSettings), **field_sentences(LabelNextSettings)}
        return {"Keys": {key: keys[key] for key in known if key in keys}}

    trainer = {
        **comment_sentences(CONF / "trainer" / "default.yaml", "trainer."),
        **comment_sentences(CONF / "trainer" / "ddp.yaml", "trainer."),
        **comment_sentences(CONF / "callbacks" / "default.yaml", "callbacks."),
    }
    of_training = {
        "Data": data,
        "Model": field_sentences(ModelSettings, "model."),
        "Training": {**field_sentences(OptimizerSettings, "optimizer."), **trainer},
        "Pretraining, with pretrain=own_text": field_sentences(PretrainSettings, "pretrain."),
    }
    run = field_sentences(RunSettings)
    if command == "suspects":
        own, known = field_sentences(SuspectsSettings), _defaults(command)
        run = {key: run[key] for key in run if key in known and key not in own}
        return {"Suspects": own, **of_training, "Run": run}
    return {**of_training, "Run": run, "Sweep": field_sentences(SweepSettings, "sweep.")}


def _defaults(command: str) -> dict[str, Any]:
    """Reads the value that each key has if nothing is typed."""
    presets = ["pretrain=own_text", "trainer=ddp"] if command in TRAINING else []
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = [compose(command, presets), compose(command)]
    values: dict[str, Any] = {}
    for config in composed:  # the second without the presets, which only some keys need
        values |= leaf_values(OmegaConf.to_container(config))
    return values


def field_sentences(kind: type, prefix: str = "") -> dict[str, str]:
    """Reads the sentence under each field of a dataclass, by key; base classes come first."""
    found = {}
    for base in reversed(kind.__mro__[:-1]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
                continue
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                found[f"{prefix}{field.target.id}"] = " ".join(str(below.value.value).split())
    return found


def comment_sentences(file: Path, prefix: str) -> dict[str, str]:
    """Reads the comment beside each key of a YAML file, by key; others are left out."""
    found, parents = {}, list[tuple[int, str]]()
    for indent, name, _, comment in COMMENTED_KEY.findall(file.read_text(encoding="utf-8")):
        parents = [(depth, parent) for depth, parent in parents if depth < len(indent)]
        parents.append((len(indent), name))
        if comment:
            found[prefix + ".".join(parent for _, parent in parents)] = comment.strip()
    return found


def _lines(sentences: dict[str, str], defaults: dict[str, Any]) -> str:
    """Lays out keys and sentences, each with its default unless the sentence tells it."""
    lines = []
    for key, sentence in sentences.items():
        default = defaults.get(key)
        if default == "???":
            sentence += " (must be given)"
        elif "(default: " not in sentence:
            sentence += f" (default: {_typed(default)})"
        lines.append(_line(key, sentence))
    return "\n".join(lines)


def _line(name: str, sentence: str) -> str:
    """Lays out one name and its sentence."""
    wrapped = textwrap.wrap(sentence, WIDTH - COLUMN, break_on_hyphens=False)
    first = f"    {name}"
    if len(first) < COLUMN - 1:
        first = f"{first:<{COLUMN}}{wrapped.pop(0)}"
    return "\n".join([first, *(f"{'':<{COLUMN}}{line}" for line in wrapped)])


def _typed(value: Any) -> str:
    """Writes a value as it is typed on the command line."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
