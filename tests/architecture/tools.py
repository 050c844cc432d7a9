"""The programs that check what we ship: in CI they must be there, elsewhere a test may do without."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Public registries of packages and images: where one comes from is the builder's setting, not ours to name.
REGISTRY_HOSTS = (
    "pypi." + "org",
    "python" + "hosted.org",
    "docker" + ".io",
    "ghcr" + ".io",
    "quay" + ".io",
    "npmjs" + ".org",
)


def tool(name: str, package: str) -> str:
    """The path of a program. Skips the test where it is not installed, and fails it in CI."""
    path = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}")
    return path or missing(f"{name} is not installed (package {package})")


def helm() -> str:
    """The path of a real helm, fetched once."""
    done = run(str(ROOT / ".ci/helm"))
    return done.stdout.strip() if done.returncode == 0 else missing(f"helm could not be fetched: {done.stderr[-300:]}")


def missing(reason: str) -> str:
    """Skip, or fail where nothing may be skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the repository and keep what it says."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def names_a_registry(path: Path) -> list[str]:
    """The registry hosts that a file names."""
    text = path.read_text(encoding="utf-8")
    return [host for host in REGISTRY_HOSTS if host in text]
