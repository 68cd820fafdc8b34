"""What a shell gets when somebody types Tab behind `textlstm`."""

import shutil
import subprocess
import sys

import pytest

from helpers.commands import as_before, environment
from textlstm.__main__ import COMMANDS, main


@pytest.fixture
def completed(monkeypatch, capsys):
    """Answers for a line that is typed so far."""

    def answer(line: str) -> list[str]:
        monkeypatch.setenv("COMP_LINE", line)
        with as_before():
            monkeypatch.setattr(sys, "argv", ["textlstm", "-sc", "query=bash"])
            main()
        return capsys.readouterr().out.split()

    return answer


def test_commands_come_first_and_then_the_keys_and_presets_of_the_command(completed):
    assert completed("textlstm ") == completed("textlstm tr") == list(COMMANDS)
    assert completed("textlstm train model.h") == ["model.head.", "model.hidden="]
    assert "sweep=learning_curve" in completed("textlstm train seed=1 sweep=")
    assert completed("/usr/bin/textlstm evaluate run=x spl") == ["split="]
    assert {"data.", "data=", "output="} <= set(completed("textlstm inspect_data "))


def test_commands_without_keys_and_words_that_are_none_complete_nothing(completed):
    assert completed("textlstm leaderboard ") == []
    assert completed("textlstm nonsense x") == []


@pytest.mark.parametrize("arguments", [[], ["install"], ["install=tcsh"], ["query=bash", "x=1"]])
def test_anything_else_is_one_error_that_says_what_it_takes(monkeypatch, capsys, arguments):
    with as_before():
        monkeypatch.setattr(sys, "argv", ["textlstm", "train", "-sc", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
    assert stop.value.code == 2
    errors = capsys.readouterr().err
    assert "error: The command line cannot be read: -sc takes install=bash or uninst" in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_command_after_the_line_of_the_documentation(tmp_path):
    program = tmp_path / "textlstm"
    program.write_text(f"#!{sys.executable}\nfrom textlstm.__main__ import main\nmain()\n")
    program.chmod(0o755)
    script = (
        f'PATH="{tmp_path}:$PATH"; eval "$(textlstm -sc install=bash)"; '
        'COMP_LINE="textlstm train model.hi"; COMP_POINT=${#COMP_LINE}; '
        "COMP_WORDS=($COMP_LINE); COMP_CWORD=2; hydra_bash_completion; "
        "echo ${COMPREPLY[@]}; complete -p textlstm"
    )
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=environment(), check=True
    )
    found, registered = done.stdout.splitlines()
    assert found == "model.hidden="
    assert registered.endswith(" -F hydra_bash_completion textlstm")
    assert done.stderr == ""
