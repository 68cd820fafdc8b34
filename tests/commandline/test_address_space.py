"""A process with too little memory ends with one error, and leaves nothing half-written."""

import resource
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.commands import SRC, environment
from helpers.small import small_network
from textlstm.commandline import address_space
from textlstm.commandline.address_space import least_memory
from textlstm.commandline.mistakes import users_error
from textlstm.data.tokenizer import train_tokenizer
from textlstm.model.bundle import save_bundle

TINY = ["model.hidden=8", "trainer.max_epochs=1", "data.max_rows=200", "threads=1", "wide=false"]
# What libraries say that end the process themselves, by its exit code: those in Rust, and OpenBLAS.
ENDED_BY_LIBRARY = {-signal.SIGABRT: "memory allocation of", 1: "OpenBLAS error: Memory alloc"}


def python(*arguments: str, memory: int) -> subprocess.CompletedProcess[str]:
    """Runs Python, which may claim so many bytes."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory)),
    )


def ended(command: str, *arguments: str, memory: int) -> tuple[int, str]:
    """The exit code and standard error of a command that may claim so many bytes."""
    done = python(str(SRC / f"{command}.py"), *arguments, memory=memory)
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", ["train", "predict"])
def test_a_limit_under_which_nothing_can_be_loaded_is_one_error(command, tmp_path):
    code, errors = ended(command, f"hydra.run.dir={tmp_path}/run", memory=least_memory() // 2)
    assert code == 2
    least = least_memory() / 1e9
    assert errors.startswith(f"error: This process may claim {least / 2:.1f} GB of memory (ulimit")
    assert f"need {least:.1f} GB to be loaded" in errors
    assert len(errors.splitlines()) == 1
    assert not [*tmp_path.iterdir()]


def test_a_torch_for_cuda_needs_the_memory_of_its_libraries_too(tmp_path, monkeypatch):
    def library(path, size):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(size)

    torch = SimpleNamespace(origin=str(tmp_path / "torch" / "__init__.py"))
    monkeypatch.setattr(address_space, "find_spec", lambda name: torch)
    library(tmp_path / "torch/lib/libtorch_cpu.so", 500_000_000)
    assert least_memory() == 2_000_000_000
    library(tmp_path / "torch/lib/libtorch_cuda.so", 400_000_000)
    library(tmp_path / "nvidia/cu13/lib/libcublasLt.so.13", 600_000_000)
    for link, target in (("libcudart.so", "libtorch_cuda.so"), ("libgone.so", "gone")):
        (tmp_path / "torch/lib" / link).symlink_to(target)
    assert least_memory() == 3_000_000_000


def test_arrow_claims_nothing_beforehand_where_memory_is_limited():
    lines = [
        "from textlstm.commandline.address_space import check_address_space",
        "check_address_space()",
        "import pyarrow",
        "print(pyarrow.default_memory_pool().backend_name)",
    ]
    done = python("-c", "\n".join(lines), memory=least_memory() + 10**9)
    assert done.stdout.strip() == "system", done.stderr


def test_a_file_that_cannot_be_mapped_is_too_little_memory():
    said = RuntimeError("unable to mmap 924004 bytes from file </x>: Cannot allocate memory (12)")
    assert str(users_error(said)).startswith("The memory of this machine does not suffice (")


@pytest.mark.trust("too little memory")
@pytest.mark.parametrize("more", range(0, 800, 100))  # millions of bytes above the least
def test_a_command_does_its_work_or_ends_with_nothing_half_written(more, tmp_path, record_property):
    tokenizer = train_tokenizer(["goal in the match", "shares fall"], kind="word", vocab_size=30)
    save_bundle(
        tmp_path / "model",
        network=small_network(vocab_size=tokenizer.get_vocab_size()),
        max_length=100,
        truncate="head",
        tokenizer_json=tokenizer.to_str(),
        labels=["a", "b", "c"],
    )
    run, predicted, report = tmp_path / "run", tmp_path / "predicted.csv", tmp_path / "report"
    texts = tmp_path / "texts.csv"
    texts.write_text("text\n" + 50 * "shares fall\n", encoding="utf-8")
    given: dict[str, tuple[list[str], Path]] = {
        "train": ([*TINY, "baselines=false", f"hydra.run.dir={run}"], run / "metrics.json"),
        "predict": (
            [f"run={tmp_path}/model", f"input={texts}", f"output={predicted}"],
            predicted,
        ),
        "inspect_data": (["data.max_rows=200", f"output={report}"], report / "report.md"),
    }
    record_property("tried", len(given))
    for command, (arguments, written) in given.items():
        code, errors = ended(command, *arguments, memory=least_memory() + more * 10**6)
        assert "Traceback" not in errors, (command, errors)
        assert written.exists() == (code == 0), command
        assert not [*tmp_path.rglob(".unfinished*")], command
        if ENDED_BY_LIBRARY.get(code, "\0") in errors:
            continue
        assert code in (0, 2), (command, errors)
        found = [line for line in errors.splitlines() if line.startswith("error: ")]
        assert len(found) == (0 if code == 0 else 1), (command, errors)
