"""The rules of the house that no linter knows."""

import ast
from pathlib import Path

import pytest

from app import registry

ROOT = Path(__file__).parents[2]
LONGEST_FILE = 300
LONGEST_FUNCTION = 40
SAY_NOTHING = {"utils", "helpers", "manager", "base", "common", "service", "misc"}
SOURCES = sorted((ROOT / "app").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_stays_short_and_has_a_name_that_says_something(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    assert path.stem not in SAY_NOTHING


def test_what_shows_that_it_works_stays_short_too() -> None:
    files = [path for folder in ("tests", "benchmarks", "migrations") for path in (ROOT / folder).rglob("*.py")]
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert len(files) > 100
    assert [name for name, count in lines.items() if count > LONGEST_FILE] == []


def test_functions_stay_short() -> None:
    long = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                sql = sum(
                    len(part.value.splitlines())
                    for part in ast.walk(node)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and "\n" in part.value
                )
                if lines - sql > LONGEST_FUNCTION:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines - sql} lines")
    assert long == []


def parts(folder: str) -> set[str]:
    """The modules or packages in a folder where parts are plugged in."""
    return {path.stem for path in (ROOT / "app" / folder).iterdir() if not path.name.startswith(("_", "."))}


def test_every_part_is_in_the_registry() -> None:
    text = (ROOT / "app" / "registry.py").read_text(encoding="utf-8")
    for folder in ("ingest/senders", "gather/sources", "notify/notifiers"):
        package = f"app.{folder.replace('/', '.')}"
        assert {part for part in parts(folder) if f"{package}.{part}" not in text} == set()
    assert {entry.partition(":")[0] for entry in registry.DETECTORS} == parts("analyze/detectors")


def test_every_detector_of_the_registry_can_be_made_and_has_a_name_of_its_own() -> None:
    names = [detector.name for detector in registry.detectors()]
    assert len(set(names)) == len(registry.DETECTORS)


def test_only_the_registry_names_a_plugged_in_part() -> None:
    packages = ("app.ingest.senders.", "app.gather.sources.", "app.analyze.detectors.", "app.notify.notifiers.")
    strangers = []
    for path in SOURCES:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for package in packages:
                inside = module.startswith(package.rstrip("."))
                if any(f"{name}.".startswith(package) for name in names) and not inside and module != "app.registry":
                    strangers.append(f"{module} imports {names[0]}")
    assert strangers == []
