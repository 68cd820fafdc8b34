"""The import rule: data flows one way, and nothing imports upwards."""

import ast
import subprocess
import sys

import textlstm
from textlstm.places import PACKAGE, REPOSITORY

MAY_IMPORT = {
    "ground": {"ground"},
    "data": {"ground", "data"},
    "model": {"ground", "data", "model"},
    "runs": {"ground", "data", "model", "runs"},
    "training": {"ground", "data", "model", "runs", "training"},
    "sweeps": {"ground", "data", "model", "runs", "training", "sweeps"},
    "leaderboard": {"ground", "data", "model", "runs", "leaderboard"},
    "commands": {
        *("ground", "data", "model", "runs"),
        *("training", "sweeps", "leaderboard", "commands"),
    },
}
ABOVE_ALL = {"__init__", "__main__"}  # the doors of the package


def wing(module: str) -> str:
    """The wing that `textlstm.NAME…` belongs to; modules beside the wings are the ground."""
    name = module.split(".")[1]
    return name if (PACKAGE / name).is_dir() else "ground"


def imported(tree: ast.AST) -> set[str]:
    """The modules of the package that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the wing"
            found |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name for name in found if name.startswith("textlstm.")}


def test_nothing_imports_upwards():
    seen = 0
    for file in PACKAGE.rglob("*.py"):
        module = ".".join(["textlstm", *file.relative_to(PACKAGE).with_suffix("").parts])
        if module.split(".")[1] in ABOVE_ALL:
            continue
        for other in imported(ast.parse(file.read_text(encoding="utf-8"))):
            seen += 1
            assert wing(other) in MAY_IMPORT[wing(module)], f"{module} imports {other}"
    assert seen > 400


def test_every_wing_is_in_the_rule_and_none_is_crowded():
    folders = [folder for folder in PACKAGE.rglob("*") if (folder / "__init__.py").is_file()]
    assert {folder.name for folder in folders if folder.parent == PACKAGE} | {"ground"} == set(
        MAY_IMPORT
    )
    for folder in [PACKAGE, *folders]:
        assert len(list(folder.glob("*.py"))) <= 22
    assert textlstm.__doc__


def test_the_benchmark_of_speed_loads_in_an_environment_of_keras_alone():
    """Its side of Keras runs where neither the project nor what that needs is installed."""
    loading = f"import sys; sys.path.insert(0, {str(REPOSITORY / 'src' / 'benchmarks')!r})"
    command = [sys.executable, "-S", "-c", f"{loading}; import sides; print(*sides.SIDES)"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env={})
    assert done.stderr == ""
    assert "keras" in done.stdout.split()
