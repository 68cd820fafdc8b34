"""What is typed is taken as typed, mistakes are named, sweeps and resumed runs are spelled out."""

import errno
import os
import re
import shlex
import subprocess
import sys
from functools import reduce
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from helpers.commands import call
from helpers.strangers import recorded_run
from textlstm import __main__, ranks
from textlstm.__main__ import COMMANDS
from textlstm.checks import InputError
from textlstm.commandline import arguments
from textlstm.commandline import main as command_line
from textlstm.commandline.arguments import RECORDED, prepare, quote_literal
from textlstm.places import CONF
from textlstm.runs.folder import folder_name

SRC = Path(command_line.__file__).parents[2]
ODD = [
    "a, b and c",
    'Striker\'s "sign"',
    "ends with \\",
    "back\\'slash",
    "null",
    "",
    "(1) [2] {3} ~4",
    "key=value: yes",
    "${oc.env:HOME} $HOME \\${x}",
    "Zażółć gęślą — Straße",
    "北京,东京",
    "50% #hash @home 🎉",
    " spaces  around ",
]


@pytest.fixture(autouse=True)
def all_is_there(monkeypatch):
    """Files and runs that are typed need not exist: test_missing.py looks at that."""
    monkeypatch.setattr(arguments, "refuse_missing", lambda command, overrides: None)


def composed(command: str, *arguments: str) -> dict:
    """The config as the job gets it, after everything that is done to the command line."""
    overrides = [
        argument for argument in prepare(command, list(arguments)) if not argument.startswith("-")
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(command, overrides)
    return OmegaConf.to_container(config, resolve=True)


@pytest.mark.parametrize(
    ("key", "value"),
    [*(("text", value) for value in ODD), ("input", ODD[7]), ("output", ODD[0]), ("run", ODD[6])],
)
def test_literal_values_are_taken_as_typed(key, value):
    arguments = [f"{key}={value}"] if key == "run" else ["run=x", f"{key}={value}"]
    assert composed("predict", *arguments)[key] == value


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize(
    ("command", "key"),
    [
        *(("train", key) for key in ("data.text_column", "data.label_column", "data.columns")),
        ("train", "calibration_from"),
        *(("evaluate", key) for key in ("text_column", "label_column", "columns")),
        *(("predict", key) for key in ("text_column", "columns")),
    ],
)
def test_names_of_columns_are_taken_as_typed(command, key, value):
    run = [] if command == "train" else ["run=x"]
    config = composed(command, *run, f"{key}={value}")
    assert reduce(dict.__getitem__, key.split("."), config) == value


def test_a_column_named_by_a_number_or_a_list_stays_text():
    config = composed("train", "data.label_column=1", "data.text_column=[a, 'b, c']")
    assert config["data"]["label_column"] == "1"
    assert config["data"]["text_column"] == "[a, 'b, c']"


@pytest.mark.parametrize("key", ["train", "validation", "test"])
def test_data_paths_are_taken_as_typed_and_made_absolute(key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given_train = [] if key == "train" else ["data.train=x.csv"]
    config = composed("train", *given_train, f"data.{key}=my report (1), it's ~ünï.csv")
    assert config["data"][key] == str(tmp_path / "my report (1), it's ~ünï.csv")


@pytest.mark.parametrize("typed", ["'my file.csv'", '"my file.csv"', "my file.csv"])
def test_a_path_may_stand_in_the_quotes_that_hydra_asks_for(typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = composed("train", f"data.train={typed}", f"calibration_from={typed}")
    assert config["data"]["train"] == str(tmp_path / "my file.csv")
    assert config["calibration_from"] == "my file.csv"
    texts = composed("predict", "run=x", f"text={typed}", f"against={typed}")
    assert (texts["text"], texts["against"]) == (typed, typed)


@pytest.mark.parametrize("address", ["https://example.org/a.csv", "'s3://bucket/a.csv'"])
def test_an_address_is_no_path(address):
    with pytest.raises(InputError, match="is an address, and a path on this machine was expected"):
        composed("train", f"data.train={address}")


def test_quotes_that_a_file_has_in_its_name_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "'quoted'").touch()
    config = composed("train", "data.train='quoted'")
    assert config["data"]["train"] == str(tmp_path / "'quoted'")


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("a\\'\"${},=~ é中[]()#:\n\t%@|&*?!"), max_size=12)
    | st.text(max_size=20)
)
@example("null")
@example("\\\n")
def test_any_text_survives_hydra_and_omegaconf(value):
    override = arguments._parse(quote_literal(f"text={value}"))
    assert OmegaConf.to_container(OmegaConf.create({"text": override.value()}), resolve=True) == {
        "text": value
    }


@pytest.mark.parametrize(
    ("command", "typed"),
    [
        *(
            ("predict", dict(zip(("text", "input", "output", "run"), ODD[at:], strict=False)))
            for at in (0, 4, 9)
        ),
        ("evaluate", {"run": "x", "file": ODD[8]}),
        ("train", {"data.train": f"/{ODD[10]}", "data.test": f"/{ODD[7]}"}),
    ],
)
def test_a_real_shell_passes_values_on(command, typed):
    values = [f"{key}={value}" for key, value in typed.items()]
    line = shlex.join([sys.executable, f"{SRC}/{command}.py", *values, "--cfg", "job", "--resolve"])
    shown = yaml.safe_load(
        subprocess.run(line, shell=True, capture_output=True, text=True, check=True).stdout
    )
    for key, value in typed.items():
        assert reduce(dict.__getitem__, key.split("."), shown) == value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.hiden=3"], "There is no key 'model.hiden'. Did you mean 'model.hidden'?"),
        (["data.max_len=3"], "There is no key 'data.max_len'. Did you mean 'data.max_length'?"),
        (
            ["trainer.epochs=3"],
            "There is no key 'trainer.epochs'. Did you mean 'trainer.max_epochs'? "
            "Other arguments of Lightning's Trainer take a plus: +trainer.epochs=VALUE.",
        ),
        (["experiment=artcle"], "There is no experiment=artcle. Did you mean 'article'?"),
        (["model=gru,lstm"], "There is no model=gru."),
        (
            ["sweep=unit"],
            "There is no sweep=unit. Did you mean 'units'? sweep can be batch_size, dropout,",
        ),
        (["data=files"], "data.train must be given"),
        (["hydra/launcher=slrum"], "Could not find 'hydra/launcher/slrum'"),
        (
            ["hydra/launcher=submitit_any"],
            "submitit_any'. It comes with the extra `slurm`: pip install -e '.[slurm]'",
        ),
        (["foo"], "'foo' cannot be read as key=value"),
        (["model.head=[1"], "'model.head=[1' cannot be read as key=value"),
        (["sweep=units", "test=true"], "A sweep never scores the test set"),
        (["sweep=units", "test=true"], "python src/benchmark.py makes (docs/benchmark.md)."),
        (["resume=/nowhere"], "resume: /nowhere is no run folder"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        prepare("train", arguments)


def test_a_file_alone_means_data_files():
    assert composed("train", "data.train=/tmp/my.csv")["data"]["source"] == "files"
    assert "data=files" in prepare("train", ["data.train=/tmp/my.csv"])
    assert "data=files" not in prepare("train", ["data.train=/tmp/my.csv", "data=newswire4"])


def test_sweeps_need_no_flag_and_never_score_the_test_set():
    assert prepare("train", ["model.hidden=64,128"]) == [
        *(
            "--multirun",
            "model.hidden=64,128",
            "test=false",
            "sweep.name=model.hidden",
        )
    ]
    assert prepare("train", ["sweep=units"]) == [
        "--multirun",
        "sweep=units",
        "test=false",
    ]
    assert prepare("train", ["model.head=[64,32]"]) == ["model.head=[64,32]"]  # a list is no sweep


def test_used_folders_are_not_written_over(tmp_path):
    (tmp_path / ".hydra").mkdir()
    with pytest.raises(InputError, match="holds a run already; resume=FOLDER goes on with it"):
        prepare("train", [f"hydra.run.dir={tmp_path}"])


def composed_as_resumed(arguments: list[str]) -> DictConfig:
    """The config that Hydra makes of the arguments of a resumed run."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(RECORDED, [a for a in arguments[2:] if not a.startswith("hydra")])


def test_a_resumed_run_starts_from_its_record_not_from_todays_defaults(tmp_path):
    run = recorded_run(tmp_path / "it's, a run", "model.hidden=77", "optimizer.schedule=constant")
    arguments = prepare("train", [f"resume={run}", "trainer.max_epochs=50"])
    config = composed_as_resumed(arguments)
    assert (config.model.hidden, config.trainer.max_epochs, config.resume) == (77, 50, str(run))
    assert "hydra.output_subdir=null" in arguments


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.hidden=65", "only trainer keys may differ, got model.hidden=65"),
        ("seed=1", "only trainer keys may differ, got seed=1"),
        ("trainer.max_epochs=99", "would bend the one-cycle schedule"),
        ("+trainer.limit_train_batches=5", "would bend the one-cycle schedule"),
    ],
)
def test_a_resumed_run_refuses_other_changes(tmp_path, override, message):
    run = recorded_run(tmp_path / "run", "optimizer.schedule=one_cycle")
    with pytest.raises(InputError, match=re.escape(message)):
        prepare("train", [f"resume={run}", override])


def test_a_resumed_run_takes_a_file_of_data_that_has_moved(tmp_path):
    run = recorded_run(tmp_path / "run", "data=files", "data.train=/gone.csv")
    arguments = prepare("train", [f"resume={run}", f"data.train={tmp_path}/it's moved.csv"])
    config = composed_as_resumed(arguments)
    assert config.data.train == f"{tmp_path}/it's moved.csv"
    with pytest.raises(InputError, match=r"only trainer keys may differ, got data\.test="):
        prepare("train", [f"resume={run}", "data.test=/other.csv"])


def test_a_resumed_refit_takes_the_run_of_its_calibration_that_has_moved(tmp_path):
    run = recorded_run(tmp_path / "run", "data.refit=true", "calibration_from=/gone")
    arguments = prepare("train", [f"resume={run}", "calibration_from=/it's moved"])
    assert composed_as_resumed(arguments).calibration_from == "/it's moved"
    without = recorded_run(tmp_path / "without", "data.refit=true")
    with pytest.raises(InputError, match="only trainer keys may differ, got calibration_from="):
        prepare("train", [f"resume={without}", "calibration_from=/other"])


def test_a_resumed_run_may_repeat_what_it_was_started_with(tmp_path):
    run = recorded_run(tmp_path / "run", "model.hidden=77")
    assert not [
        a for a in prepare("train", [f"resume={run}", "model.hidden=77"]) if a.startswith("model")
    ]


def test_folder_names_can_be_typed_back():
    assert folder_name("model.hidden=64,optimizer.lr=1e-3") == "model.hidden-64_optimizer.lr-1e-3"
    odd = [folder_name(f"data.train='{name}.csv'") for name in ("é", "è", "a b", "a/b", "~")]
    odd.append(folder_name("model.hidden=64," * 20))
    assert len(set(odd)) == len(odd)
    for name in odd:
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name)


NO_TORCH = "import atexit, sys; atexit.register(lambda: print('torch' in sys.modules)); "


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("through", ["a door", "the package"])
def test_help_comes_without_torch_and_shows_the_command_as_typed(command, through):
    if through == "a door":
        code = (
            f"sys.argv = ['x', '--help']; runpy.run_path('{SRC}/{command}.py', run_name='__main__')"
        )
        typed = f"python src/{command}.py"
    else:
        code = f"sys.argv = ['x', '{command}', '--help']; runpy.run_module('textlstm', "
        code += "run_name='__main__', alter_sys=True)"
        typed = f"python -m textlstm {command}"
    shown = subprocess.run(
        [sys.executable, "-c", f"{NO_TORCH}import runpy; {code}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.search(rf"\n  {re.escape(typed)}[ \n]", shown)
    assert ("python src/" in shown) == (through == "a door")
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.strip().endswith("False")


def textlstm(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """What `python -m textlstm ARGUMENTS` says, which must end with `code`."""
    done = subprocess.run(
        [sys.executable, "-m", "textlstm", *arguments], capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done


def test_each_door_is_a_command_of_the_package_with_a_line_about_it():
    assert {door.stem for door in SRC.glob("*.py")} == set(COMMANDS)
    assert {file.stem for file in (CONF / "hydra" / "help").glob("*.yaml")} == set(COMMANDS)
    shown = textlstm().stdout
    assert shown == textlstm("--help").stdout
    lines = dict(line.split(maxsplit=1) for line in shown.splitlines() if line.startswith("  "))
    assert list(lines) == list(COMMANDS)
    assert lines["predict"] == "Predicts the class of new texts with a finished run."
    for line in lines.values():
        assert re.fullmatch(r"[A-Z].{20,97}\.", line)


def test_help_of_the_leaderboard_shows_it_as_typed():
    shown = textlstm("leaderboard", "--help").stdout
    assert "\n  python -m textlstm leaderboard outputs/sweeps/grid\n" in shown


def test_an_unknown_command_is_one_error_with_the_nearest():
    assert textlstm("trian", "sweep=grid", code=2).stderr == (
        "error: There is no command 'trian'. Did you mean 'train'? There are "
        f"{', '.join(COMMANDS)}; --help says what they do.\n"
    )


def test_a_folder_that_hydra_cannot_make_is_one_error(tmp_path):
    (tmp_path / "file").touch()
    _, errors = call("train", f"hydra.run.dir={tmp_path}/file/run", code=2)
    assert errors == (
        f"error: {tmp_path}/file/run: Not a directory. Give this user access to it, or take "
        f"another folder.\n"
    )


@pytest.mark.parametrize(
    ("command", "arguments"), [("evaluate", ["run=x"]), ("leaderboard", ["outputs/sweeps/grid"])]
)
@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_file_that_may_not_be_written_is_one_error(monkeypatch, command, arguments, code):
    def refused(*config):
        raise OSError(code, os.strerror(code), "/theirs/file")

    monkeypatch.setattr(command_line, "_job", lambda command: refused)
    _, errors = call(command, *arguments, code=2)
    assert errors == (
        f"error: /theirs/file: {os.strerror(code)}. Give this user access to it, or take another "
        f"folder.\n"
    )


def test_an_error_of_ours_keeps_its_traceback(monkeypatch):
    def broken(*config):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "/ours/file")

    monkeypatch.setattr(command_line, "_job", lambda command: broken)
    with pytest.raises(FileNotFoundError):
        call("leaderboard")


def test_a_rank_that_lightning_starts_takes_the_command_that_rank_zero_left(monkeypatch):
    """Lightning leaves the command's name out: its own overrides alone follow the program."""
    typed = ["train", "model.hidden=8", "hydra.run.dir='it\\'s mine'"]
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(os, "getppid", os.getpid)
    monkeypatch.setattr(sys, "argv", ["/bin/textlstm", "hydra.run.dir=broken"])
    monkeypatch.delenv(ranks.COMMAND_LINE, raising=False)
    assert ranks.passed_on() is None
    ranks.pass_on(typed[0], typed[1:])
    assert ranks.passed_on() == typed

    run = []
    monkeypatch.setattr(command_line, "main", lambda command: run.append([command, *sys.argv[1:]]))
    __main__.main()
    assert run == [typed]

    monkeypatch.setenv("LOCAL_RANK", "0")  # rank 0 itself
    assert ranks.passed_on() is None
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(os, "getppid", lambda: os.getpid() + 1)  # left by some other process
    assert ranks.passed_on() is None
