"""The package as people get it: built, installed apart from the checkout, used from any folder."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from helpers.commands import record, run_process
from textlstm.places import REPOSITORY

SMALL = ("data.max_rows=200", "experiment=smoke", "threads=1", "wide=false", "baselines=false")
TWO = ("trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu")


def build(*, into: Path) -> Path:
    """Builds the archive of the sources, and from it the wheel, whose path it returns."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", into, REPOSITORY]
    subprocess.run(command, check=True, capture_output=True, env=without_the_checkout())
    return next(into.glob("*.whl"))


def without_the_checkout() -> dict[str, str]:
    """The environment of a person who has no checkout; one thread for each process."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(into=tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment where the wheel is installed beside what is here."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    own = next(folder.glob("lib/python*/site-packages"))
    (own / "present.pth").write_text("\n".join(packages), encoding="utf-8")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", folder / "bin" / "python"),
            *("install", "--quiet", "--disable-pip-version-check", "--no-index"),
            *("--no-deps", "--no-build-isolation", wheel),
        ],
        check=True,
        env=without_the_checkout(),
    )
    return folder / "bin"


def run(*command: object, cwd: Path, code: int = 0) -> tuple[str, str]:
    """Runs a command as `run_process` does, with the environment of a person without a checkout."""
    return run_process(*command, env=without_the_checkout(), cwd=cwd, code=code)


def test_the_wheel_holds_the_package_its_configuration_and_nothing_else(wheel):
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        scripts = archive.read(
            next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        )
    package = REPOSITORY / "src" / "textlstm"
    sources = {f"textlstm/{file.relative_to(package)}" for file in package.rglob("*.py")}
    conf = {
        f"textlstm/{file.relative_to(REPOSITORY)}" for file in REPOSITORY.glob("conf/**/*.yaml")
    }
    sources |= {f"textlstm/{file.relative_to(package)}" for file in package.rglob("static/*.*")}
    more = {"hydra_plugins/study_sweeper.py", "textlstm/newswire4.csv", "textlstm/py.typed"}
    assert held == sources | conf | more
    assert b"textlstm = textlstm.__main__:main" in scripts


def test_the_archive_of_the_sources_holds_what_the_tests_need(wheel):
    with tarfile.open(next(wheel.parent.glob("*.tar.gz"))) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {"conf/train.yaml", "src/train.py", "tests/test_package.py", "Makefile"} <= held
    assert not [name for name in held if name.startswith(("outputs/runs", ".venv", ".git/"))]


def test_installed_it_trains_sweeps_and_predicts_from_any_folder(scripts, tmp_path):
    """The whole way of a person without a checkout; all that is written lies below the folder."""
    textlstm, home = scripts / "textlstm", tmp_path / "it's my folder"
    home.mkdir()
    shown, _ = run(textlstm, "train", "--help", cwd=home)
    assert "\n  textlstm train model.hidden=128 trainer.max_epochs=20\n" in shown
    assert "src/" not in shown

    shown, said = run(textlstm, "train", *SMALL, cwd=home)
    assert "Scores on test" in shown
    (trained,) = (home / "outputs" / "runs").iterdir()
    assert f"folder: {trained.relative_to(home)}\n" in said + shown
    assert record(trained)["environment"]["git_commit"] is None
    shown, _ = run(textlstm, "predict", f"run={trained}", "text=Striker signs", cwd=tmp_path)
    assert len(shown.splitlines()) == 5  # the class, and the share of each of four

    sweep = (*SMALL[:-1], "model.hidden=8,16", "sweep.name=two", "sweep.workers=2")
    _, said = run(textlstm, "train", *sweep, cwd=home)
    assert "2 of 2 runs done" in said
    shown, _ = run(textlstm, "leaderboard", cwd=home)
    assert (
        "\n  textlstm train data.max_rows=200 experiment=smoke threads=1 wide=False model.hidden="
        in shown
    )

    assert {path.name for path in (home / "outputs").iterdir()} == {"cache", "runs", "sweeps"}
    assert [path.name for path in home.iterdir()] == ["outputs"]
    assert [path.name for path in tmp_path.iterdir()] == [home.name]


def test_a_process_in_another_folder_uses_the_outputs_of_the_one_that_started_it(scripts, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = (
        "import os, subprocess, sys; from textlstm import places; places.pass_outputs_on(); "
        "subprocess.run([sys.executable, '-c', 'from textlstm.places import *; print(CACHE)'], "
        f"cwd={str(elsewhere)!r}, check=True)"
    )
    shown, _ = run(scripts / "python", "-c", code, cwd=tmp_path)
    assert shown == f"{tmp_path}/outputs/cache\n"


def test_errors_and_versions_of_an_installed_command(scripts, tmp_path):
    textlstm = scripts / "textlstm"
    assert run(textlstm, "--version", cwd=tmp_path)[0] == "textlstm 0.1.0\n"
    _, said = run(textlstm, "train", "model.hiden=3", cwd=tmp_path, code=2)
    assert said == (
        "error: There is no key 'model.hiden'. Did you mean 'model.hidden'? "
        "textlstm train --help lists the keys.\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.scale
@pytest.mark.parametrize("module", [False, True])
def test_two_processes_train_one_run(scripts, tmp_path, module):
    """Lightning starts the second with a command line of its own."""
    start = (scripts / "python", "-m", "textlstm") if module else (scripts / "textlstm",)
    shown, _ = run(*start, "train", *SMALL, *TWO, cwd=tmp_path)
    assert shown.count("Scores on test") == 1
    (trained,) = (tmp_path / "outputs" / "runs").iterdir()
    assert record(trained)["devices"] == 2


@pytest.mark.scale
def test_jobs_that_submitit_starts_find_the_package(scripts, tmp_path):
    sweep = (*SMALL[:-1], "model.hidden=8,16", "sweep.name=two", "hydra/launcher=submitit_local")
    _, said = run(scripts / "textlstm", "train", *sweep, cwd=tmp_path)
    assert "2 of 2 runs done" in said
    assert {path.name for path in (tmp_path / "outputs").iterdir()} == {"cache", "sweeps"}


@pytest.mark.parametrize(
    ("ends", "said", "message"),
    [
        (0, "No known vulnerabilities found", "No known vulnerabilities found"),
        (1, "Found 2 known vulnerabilities in 1 package", "Found 2 known vulnerabilities"),
        (
            1,
            "a traceback\nConnectionError: no route",
            "cannot be reached: ConnectionError: no route",
        ),
    ],
)
def test_make_audit_tells_what_it_found_from_an_index_that_it_did_not_reach(
    tmp_path, ends, said, message
):
    """A script stands in for pip-audit: tests ask no network."""
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    programs = {"python": "exit 0", "pip-audit": f"echo '{said}' >&2; exit {ends}"}
    (tmp_path / "bin").mkdir()
    for name, line in programs.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / ".installed").touch()

    command = ["make", "--no-print-directory", "audit", f"VENV={tmp_path}"]
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, encoding="utf-8", env=env)
    assert (done.returncode == 0) == (ends == 0)
    assert message in done.stdout + done.stderr
    own = [line for line in done.stderr.splitlines() if not line.startswith("make:")]
    assert len(own) == ("index" in done.stderr)
