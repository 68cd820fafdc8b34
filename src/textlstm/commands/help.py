"""Makes the help of the commands: each key with the sentence at the place that declares it."""

import ast
import inspect
import re
import textwrap
from pathlib import Path

from textlstm.commands.settings import EvaluateSettings, ExportSettings, PredictSettings
from textlstm.data.settings import DataSettings
from textlstm.model.settings import ModelSettings
from textlstm.places import CONF
from textlstm.sweeps.settings import SweepSettings
from textlstm.training.settings import OptimizerSettings, PretrainSettings, RunSettings

WIDTH = 80  # columns of the help
COLUMN = 29  # where the sentences begin
COMMENTED_KEY = re.compile(r"^( *)([a-z_]+):([^#\n]*)(?:#\s*(.+))?$", re.MULTILINE)


def key_lines(command: str) -> str:
    """Explains the keys of a command, as its help shows them."""
    kinds = {"evaluate": EvaluateSettings, "predict": PredictSettings, "export": ExportSettings}
    if command in kinds:
        return _lines(field_sentences(kinds[command]))

    trainer = {
        **comment_sentences(CONF / "trainer" / "default.yaml", "trainer."),
        **comment_sentences(CONF / "trainer" / "ddp.yaml", "trainer."),
        **comment_sentences(CONF / "callbacks" / "default.yaml", "callbacks."),
    }
    sections = {
        "Data": field_sentences(DataSettings, "data."),
        "Model": field_sentences(ModelSettings, "model."),
        "Training": {**field_sentences(OptimizerSettings, "optimizer."), **trainer},
        "Pretraining, with pretrain=own_text": field_sentences(PretrainSettings, "pretrain."),
        "Run": field_sentences(RunSettings),
        "Sweep": field_sentences(SweepSettings, "sweep."),
    }
    return "\n".join(f"  {title}\n{_lines(keys)}" for title, keys in sections.items())


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


def _lines(sentences: dict[str, str]) -> str:
    lines = []
    for key, sentence in sentences.items():
        wrapped = textwrap.wrap(sentence, WIDTH - COLUMN - 2, break_on_hyphens=False)
        if len(key) > COLUMN - 6:
            lines.append(f"    {key}")
        else:
            lines.append(f"    {key:<{COLUMN - 4}}{wrapped.pop(0)}")
        lines += [f"{'':<{COLUMN}}{line}" for line in wrapped]
    return "\n".join(lines).replace("$", "$$")  # Hydra fills in what stands behind a $
