"""Checkpoints that training cannot have saved end `evaluate` and `resume=` in one error."""

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.commands import call
from textlstm.checks import InputError
from textlstm.training.checkpoints import MARK, _with_checksum, read_checkpoint
from textlstm.training.module import TextClassificationModule
from textlstm.training.scoring import load_weights

OLD_RUN = Path(__file__).parents[1] / "old_run"
MADE_IN = "/tmp/textlstm/old_run"  # the folder as the runs have recorded it
Spoil = Callable[[dict[str, Any]], object]


def endless() -> dict[str, Any]:
    """A group that holds itself."""
    group: dict[str, Any] = {}
    group["again"] = group
    return group


def laughs() -> dict[str, Any]:
    """Sixty groups, each of which holds the one before twice."""
    group: dict[str, Any] = {"count": 0}
    for _ in range(60):
        group = {"one": group, "two": group}
    return group


def values(**changes: Any) -> Spoil:
    """Changes the arguments of the module."""
    return lambda content: content["hyper_parameters"].update(changes)


def setting(**changes: Any) -> Spoil:
    """Changes settings of the network."""
    return lambda content: content["hyper_parameters"]["model"].update(changes)


def weight(change: Callable[[torch.Tensor], Any], name: str = "network.output.weight") -> Spoil:
    """Changes one tensor of the network."""
    return lambda content: content["state_dict"].update({name: change(content["state_dict"][name])})


MODULE: dict[str, Spoil] = {  # what makes the module
    "no arguments": lambda c: c.pop("hyper_parameters"),
    "arguments that are a list": lambda c: c.update(hyper_parameters=[1]),
    "20 million tokens": values(vocab_size=20_000_000),
    "a size beyond all integers": values(vocab_size=10**30),
    "a million layers": setting(layers=1_000_000),
    "many hidden units": setting(hidden=10**6),
    "a million networks": values(ensemble=10**6),
    "an unknown setting": setting(shell="touch planted"),
    "a model that is a list": values(model=[1]),
    "an unknown argument": values(hook="os.system"),
    "a class twice": values(labels=["a", "a", "b"]),
    "a class too many": values(labels=["a", "b", "c", "d"]),
    "classes in one text": values(labels="abc"),
    "weights of other classes": values(class_weights=[1.0, 2.0]),
    "class weights of NaN": values(class_weights=[1.0, 2.0, float("nan")]),
    "an unknown optimizer": lambda c: c["hyper_parameters"]["optimizer"].update(name="rm"),
    "a rate of NaN": lambda c: c["hyper_parameters"]["optimizer"].update(lr=float("nan")),
    "no weights": lambda c: c.pop("state_dict"),
    "weights that are a list": lambda c: c.update(state_dict=[1]),
    "weights by number": lambda c: c.update(state_dict={1: torch.zeros(1)}),
    "a weight too few": lambda c: c["state_dict"].pop("network.output.bias"),
    "a weight too many": lambda c: c["state_dict"].update(extra=torch.zeros(1)),
    "a weight that is a number": lambda c: c["state_dict"].update({"network.output.bias": 1.0}),
    "a weight of whole numbers": weight(lambda tensor: tensor.to(torch.int8)),
    "a sparse weight": weight(lambda tensor: tensor.to_sparse()),
    "a weight that is turned round": weight(lambda tensor: tensor.T),
    "a weight that is nowhere": weight(lambda tensor: tensor.to("meta")),
    "a weight that repeats one number": weight(lambda t: t[:1, :1].expand(t.shape)),
    "weights of NaN": weight(lambda tensor: tensor * float("nan")),
    "no tokenizer": values(tokenizer_json=None),
}
STATE: dict[str, Spoil] = {  # what a resumed run goes on from
    "a counter that is a text": lambda c: c["loops"]["fit_loop"].update(x="1"),
    "a counter below nothing": lambda c: c.update(global_step=-1),
    "a counter that is too large": lambda c: c.update(epoch=10**30),
    "counters that hold themselves": lambda c: c.update(loops=endless()),
    "counters without end": lambda c: c.update(loops=laughs()),
    "no counters": lambda c: c.pop("loops"),
    "counters of nothing": lambda c: c.update(loops={}),
    "no callbacks": lambda c: c.pop("callbacks"),
    "callbacks that are a list": lambda c: c.update(callbacks=[1]),
    "a random state of nothing": lambda c: c["callbacks"].update(RandomState={"ranks": [1]}),
    "no optimizer": lambda c: c.update(optimizer_states=[]),
    "an optimizer of another network": lambda c: c["optimizer_states"][0]["state"][0].update(
        exp_avg=torch.zeros(7, 7)
    ),
    "a rate that is NaN": lambda c: c["optimizer_states"][0]["param_groups"][0].update(
        lr=float("nan")
    ),
    "an optimizer of no groups": lambda c: c["optimizer_states"][0].update(param_groups=[]),
    "no data": lambda c: c.pop("TextDataModule"),
    "data that are a list": lambda c: c.update(TextDataModule=[1]),
    "other classes": values(labels=["science", "games", "town"]),
    "a tokenizer of nothing": values(tokenizer_json="{}"),
}


def save(content: Any, file: Path) -> None:
    """Writes a checkpoint with a checksum, as a stranger can do."""
    written = io.BytesIO()
    torch.save(content, written)
    file.write_bytes(_with_checksum(written).getvalue())


@pytest.fixture
def content() -> dict[str, Any]:
    """What the checkpoint of a killed run holds."""
    return torch.load(OLD_RUN / "killed" / "checkpoints" / "last.ckpt", weights_only=True)


@pytest.mark.parametrize("name", MODULE)
def test_a_hostile_checkpoint_makes_no_module(content, tmp_path, name):
    MODULE[name](content)
    save(content, tmp_path / "last.ckpt")
    with pytest.raises(
        InputError, match=r"last.ckpt cannot be used: .*Put the checkpoint"
    ) as found:
        TextClassificationModule.restored(tmp_path / "last.ckpt")
    assert len(str(found.value)) < 1_000


def test_the_kept_epoch_is_not_taken_from_a_hostile_checkpoint(content, tmp_path):
    save(content, tmp_path / "last.ckpt")
    module = TextClassificationModule.restored(tmp_path / "last.ckpt")
    before = module.network.members[0].output.weight.clone()
    weight(lambda tensor: tensor * float("nan"))(content)
    save(content, tmp_path / "best.ckpt")
    with pytest.raises(InputError, match=r"best.ckpt cannot be used: its weights are no numbers"):
        load_weights(module, tmp_path / "best.ckpt")
    assert torch.equal(module.network.members[0].output.weight, before)


def test_the_checkpoint_itself_makes_a_module(content, tmp_path):
    """Else the table of refusals would show nothing."""
    save(content, tmp_path / "last.ckpt")
    module = TextClassificationModule.restored(tmp_path / "last.ckpt")
    assert module.labels == ["games", "science", "town"]


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A copy of a killed run, with its data."""
    shutil.copytree(OLD_RUN, tmp_path / "old_run")
    run = tmp_path / "old_run" / "killed"
    for file in run.rglob("*"):
        if file.suffix in (".yaml", ".json", ".log"):
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(MADE_IN, str(run.parent)), encoding="utf-8")
    return run


def refused(run: Path, content: dict[str, Any]) -> str:
    """Resumes a run from a checkpoint of this content; gives the error that ends it."""
    for name in ("last.ckpt", "best.ckpt"):
        save(content, run / "checkpoints" / name)
    _, errors = call("train", f"resume={run}", code=2)
    assert "Traceback" not in errors
    assert errors.count("error: ") == 1
    return errors


@pytest.mark.parametrize(
    "name", ["other classes", "counters of nothing", "an optimizer of another network"]
)
def test_a_run_does_not_go_on_from_a_hostile_checkpoint(content, killed, name):
    STATE[name](content)
    assert "cannot be used: " in refused(killed, content)


def test_no_file_outside_is_deleted_for_a_checkpoint(content, killed):
    """Lightning deletes the best checkpoint before when there is a better one."""
    precious = killed.parent / "precious.ckpt"
    precious.write_text("mine", encoding="utf-8")
    path = f"{killed}/checkpoints/../../precious.ckpt"
    for state in content["callbacks"].values():
        if "best_model_path" in state:
            state.update(best_model_path=path, kth_best_model_path=path)
            state.update(dirpath=f"{killed}/checkpoints")
    assert "a callback names the file" in refused(killed, content)
    assert precious.read_text(encoding="utf-8") == "mine"


@pytest.mark.trust("hostile checkpoint")
@pytest.mark.parametrize("name", {**MODULE, **STATE})
def test_no_run_goes_on_from_any_hostile_checkpoint(content, killed, name):
    {**MODULE, **STATE}[name](content)
    errors = refused(killed, content)
    assert "last.ckpt" in errors or "best.ckpt" in errors


def compressed(content: bytes) -> bytes:
    """The same ZIP file with a billion bytes more, which take a million."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as parts,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in parts.namelist():
            target.writestr(name, parts.read(name))
        target.writestr("archive/data/99", bytes(10**8))
    return _with_checksum(written).getvalue()


@pytest.mark.parametrize("marked", [True, False])
def test_a_checkpoint_that_unpacks_to_more_is_refused(content, tmp_path, marked):
    written = io.BytesIO()
    torch.save(content, written)
    bomb = compressed(written.getvalue())
    if not marked:  # as older versions wrote it
        end = bomb.rindex(MARK)
        bomb = bomb[: end - 2] + b"\0\0"
    (tmp_path / "last.ckpt").write_bytes(bomb)
    with pytest.raises(InputError, match=r"last.ckpt is cut short or damaged"):
        read_checkpoint(tmp_path / "last.ckpt")


@pytest.mark.parametrize("kind", ["a pickle", "a device", "a folder"])
def test_what_is_no_checkpoint_is_refused(tmp_path, kind):
    file = tmp_path / "last.ckpt"
    if kind == "a pickle":
        file.write_bytes(b"\x80\x04cos\nsystem\n(S'touch planted'\ntR.")
    elif kind == "a device":
        file.symlink_to("/dev/zero")
    else:
        file.mkdir()
    with pytest.raises(InputError, match=r"last.ckpt is "):
        read_checkpoint(file)
