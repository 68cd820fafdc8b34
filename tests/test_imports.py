"""The import rule: data flows one way, and nothing imports upwards."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import textlstm
from textlstm.places import PACKAGE, REPOSITORY

MAY_IMPORT = {
    "ground": {"ground"},
    "data": {"ground", "data"},
    "model": {"ground", "data", "model"},
    "runs": {"ground", "data", "model", "runs"},
    "tracking": {"ground", "data", "model", "runs", "tracking"},
    "training": {"ground", "data", "model", "runs", "tracking", "training"},
    "sweeps": {"ground", "data", "model", "runs", "training", "sweeps"},
    "estimator": {"ground", "data", "model", "runs", "training", "estimator"},
    "leaderboard": {"ground", "data", "model", "runs", "leaderboard"},
    "exporting": {"ground", "data", "model", "exporting"},
    "serving": {"ground", "data", "model", "runs", "exporting", "serving"},
    "commandline": {
        *("ground", "data", "model", "runs"),
        *("training", "sweeps", "leaderboard", "commandline"),
    },
    "commands": {
        *("ground", "data", "model", "runs", "exporting", "serving"),
        *("training", "sweeps", "leaderboard", "commandline", "commands"),
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


def test_every_package_that_is_imported_is_declared():
    """Where one came along with another only, a version of that without it would break us."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {distribution(line) for lines in lists for line in lines}

    src = PACKAGE.parent
    own = {file.stem for file in src.rglob("*.py")} | {folder.name for folder in src.iterdir()}
    imports = set()
    for file in src.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imports.add(str(node.module).partition(".")[0])
            elif isinstance(node, ast.Import):
                imports |= {name.name.partition(".")[0] for name in node.names}
    foreign = imports - own - sys.stdlib_module_names - {"_typeshed"}  # which is for mypy alone
    assert len(foreign) > 25

    installed = packages_distributions() | {"tensorflow": ["tensorflow-cpu"]}
    for name in foreign:
        brought_by = {distribution(found) for found in installed.get(name, [name])}
        assert brought_by & declared, f"{name}, of {brought_by}, is not declared in pyproject.toml"


def distribution(requirement: str) -> str:
    """The name of a package as requirements compare it: `PyYAML>=6` and `pyyaml` are one."""
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


def test_the_benchmark_of_speed_loads_in_an_environment_of_keras_alone():
    """Its side of Keras runs where neither the project nor what that needs is installed."""
    loading = f"import sys; sys.path.insert(0, {str(REPOSITORY / 'src' / 'benchmarks')!r})"
    command = [sys.executable, "-S", "-c", f"{loading}; import sides; print(*sides.SIDES)"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env={})
    assert done.stderr == ""
    assert "keras" in done.stdout.split()
