"""What a run folder has recorded is data, whoever made the folder: it runs and writes nothing."""

import shutil
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from helpers.commands import call
from helpers.strangers import NOT_RECORDED, SECRET, change, many, recorded_run, usual
from textlstm.checks import InputError
from textlstm.commandline import arguments
from textlstm.commandline.arguments import RECORDED, prepare
from textlstm.commandline.recorded import read_overrides
from textlstm.places import CONF, REPOSITORY
from textlstm.runs.environment import environment

ADDED = [
    "+callbacks.x._target_=helpers.failing.Fail",
    "+callbacks.x.rank=7",
    "+callbacks.x.how=bug",
]


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """The file that hostile folders try to write."""
    return tmp_path / "planted"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of the user's that hostile folders try to empty."""
    file = tmp_path / "thesis.txt"
    file.write_text("years of work", encoding="utf-8")
    return file


def resumed_config(run: Path, *overrides: str) -> dict:
    """The config that Hydra makes of `resume=RUN OVERRIDES`."""
    arguments = prepare("train", [f"resume={run}", *overrides])[2:]
    kept = [argument for argument in arguments if not argument.startswith("hydra")]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose(RECORDED, kept), resolve=True)
    assert isinstance(config, dict)
    return config


def refused(run: Path, *overrides: str) -> str:
    """Resumes a run as a command, which must end with one error, and leave the folder as it was."""
    before = sorted(run.rglob("*"))
    out, errors = call("train", f"resume={run}", *overrides, code=2)
    assert out == ""
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert errors[:-1].isprintable()
    assert SECRET not in errors
    assert sorted(run.rglob("*")) == before
    return errors


@pytest.mark.parametrize("kind", usual(Path("x"), Path("y")))
def test_a_folder_of_somebody_else_runs_nothing(tmp_path, planted, victim, monkeypatch, kind):
    monkeypatch.setenv("STRANGERS_SECRET", SECRET)
    run = recorded_run(tmp_path / "run")
    change(run, usual(planted, victim)[kind])
    errors = refused(run)
    assert str(run / ".hydra" / "config.yaml") in errors
    assert not planted.exists()
    assert victim.read_text(encoding="utf-8") == "years of work"


@pytest.mark.trust("hostile run folder")
def test_many_folders_of_somebody_else_run_nothing(
    tmp_path, planted, victim, monkeypatch, record_property
):
    monkeypatch.setenv("STRANGERS_SECRET", SECRET)
    folders = many(planted, victim)
    recorded = recorded_run(tmp_path / "recorded")
    for number, (kind, changes) in enumerate(folders.items()):
        run = tmp_path / f"run{number}"
        shutil.copytree(recorded, run)
        change(run, changes)
        errors = refused(run)
        assert "Traceback" not in errors, kind
        assert not planted.exists(), kind
        assert victim.read_text(encoding="utf-8") == "years of work", kind
    record_property("tried", len(folders))


@pytest.mark.parametrize("kind", NOT_RECORDED)
def test_a_file_that_no_run_has_written_is_one_error(tmp_path, kind):
    run = recorded_run(tmp_path / "run")
    file = run / ".hydra" / "config.yaml"
    file.write_bytes(NOT_RECORDED[kind].encode("utf-8", "surrogateescape"))
    assert f"{file} is not what a run records" in refused(run)


def test_values_with_characters_that_a_terminal_obeys_are_shown_without_them(tmp_path):
    run = recorded_run(tmp_path / "run")
    hostile = "\x1b]0;b\x07\u202e'; touch x; '\n"
    change(run, {"callbacks.x": {"_target_": hostile}})
    refused(run)
    change(run, {f"callbacks.x{hostile}": {"_target_": "a"}})
    refused(run)


def test_a_callback_that_its_owner_had_added_is_asked_for_and_taken_if_typed_again(tmp_path):
    run = recorded_run(tmp_path / "run", *ADDED)
    assert f"type it again behind resume=: {' '.join(ADDED)}" in refused(run)
    assert "callbacks.x.how" in refused(run, *ADDED[:2])
    assert "got +callbacks.x.how=kill" in refused(run, *ADDED[:2], "+callbacks.x.how=kill")

    whole = "+callbacks.x={_target_:helpers.failing.Fail,rank:7,how:bug}"
    for typed in (ADDED, [whole]):
        callbacks = resumed_config(run, *typed)["callbacks"]
        assert callbacks["x"] == {"_target_": "helpers.failing.Fail", "rank": 7, "how": "bug"}


def test_a_value_that_was_an_interpolation_is_taken_if_typed_again(tmp_path):
    run = recorded_run(tmp_path / "run", "pretrain=own_text", "pretrain.seed=${seed}")
    assert refused(run).endswith("type it again behind resume=: pretrain.seed=VALUE\n")
    assert resumed_config(run, "pretrain.seed=42")["pretrain"]["seed"] == 42
    assert resumed_config(run, "pretrain.seed=${seed}")["pretrain"]["seed"] == 42


@pytest.mark.parametrize(
    "overrides",
    [
        ["experiment=article"],
        ["experiment=best", "logger=csv", "~callbacks.learning_rate"],
        ["trainer=ddp", "trainer.devices=2", "+trainer.limit_train_batches=0.5"],
        ["+trainer.max_time={hours:1}", "+trainer.deterministic=warn", "+callbacks.x=null"],
        ["callbacks.early_stopping.patience=5", "callbacks.early_stopping.monitor=val/accuracy"],
        ["+callbacks.early_stopping.min_delta=0.01", "+logger.flush_secs=5", "logger.name=a-b"],
        [
            "data.text_column=${oc.env:HOME} [x]",
            "data.label_column=\\${x}, $HOME",
            "data.train=a b",
        ],
        ["data.text_column=[title,body]", "data.label_names=[no,yes]", "model.head=[32,16]"],
        ["data.label_names={0:no,1:yes}", "data.class_weights=[1,2.5]", "optimizer.lr=1e-3"],
        ["data.label_names=[[0,no],[1,yes]]", "threads=2", "wide=true", "baselines=thorough"],
    ],
)
def test_the_owners_run_goes_on_with_all_that_it_had(tmp_path, overrides, monkeypatch):
    monkeypatch.setattr(arguments, "refuse_missing", lambda command, overrides: None)
    prepared = prepare("train", overrides)
    run = recorded_run(tmp_path / "run", *prepared)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        before = OmegaConf.to_container(compose("train", prepared), resolve=True)
    assert isinstance(before, dict)
    del before["sweep"]
    assert resumed_config(run) == {**before, "resume": str(run)}
    assert resumed_config(run, "trainer.accelerator=cpu")["trainer"]["accelerator"] == "cpu"


def test_a_folder_that_names_another_one_to_resume_is_resumed_itself(tmp_path):
    run, other = recorded_run(tmp_path / "run", "seed=1"), recorded_run(tmp_path / "other")
    change(run, {"resume": str(other), "sweep.storage": "${oc.env:STRANGERS_SECRET}"})
    config = resumed_config(run)
    assert (config["resume"], config["seed"]) == (str(run), 1)
    assert "sweep" not in config


def test_recorded_overrides_are_lines_of_text(tmp_path):
    folder = tmp_path / ".hydra"
    folder.mkdir()
    assert read_overrides(tmp_path) is None
    file = folder / "overrides.yaml"
    file.write_text("- data.text_column='\\${oc.env:STRANGERS_SECRET}'\n- seed=${seed}\n", "utf-8")
    assert read_overrides(tmp_path) == [
        "data.text_column='${oc.env:STRANGERS_SECRET}'",
        "seed=${seed}",
    ]
    for text in ("seed: 1", "- [a]", "- 1", "- &a x\n- *a", "- !!python/name:os.system"):
        file.write_text(text, "utf-8")
        with pytest.raises(InputError, match="is not what a run records"):
            read_overrides(tmp_path)


def test_git_runs_no_program_that_a_variable_names(tmp_path, planted, monkeypatch):
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("the commit is read from a checkout, with git")
    known = environment()["git_commit"]
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{planted}'\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    hooks = tmp_path / "post-index-change"
    shutil.copy(program, hooks)

    keys = {"core.fsmonitor": program, "core.hooksPath": tmp_path, "core.pager": program}
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(keys)))
    for number, (key, value) in enumerate(keys.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", str(value))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert environment()["git_commit"] == known
    assert not planted.exists()
