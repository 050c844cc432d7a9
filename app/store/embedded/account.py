"""Who the server runs as: PostgreSQL refuses root, so root lends it another existing user, and says what that lacks."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypedDict

BORROWED = ("postgres", "nobody")
ADVICE = "set SITREP_DATA_DIR to another folder, or SITREP_DATABASE_URL to a PostgreSQL that runs"


class EmbeddedPostgresError(Exception):
    """The embedded database cannot run; the text is one line for the person who started Sitrep."""


class Identity(TypedDict, total=False):
    """The keyword arguments by which `subprocess` changes user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """An operating-system user; `borrowed` if we are root and hand the server over to it."""

    name: str
    uid: int
    groups: frozenset[int]
    gid: int
    borrowed: bool

    @classmethod
    def for_data(cls, owner_uid: int | None) -> Self:
        """Ourselves; for root the owner of the data that is there, else a user that every system has."""
        if os.geteuid() != 0:
            groups = frozenset({os.getegid(), *os.getgroups()})
            return cls(_name_of(os.geteuid()), os.geteuid(), groups, os.getegid(), borrowed=False)
        for entry in pwd.getpwall():
            if entry.pw_uid == owner_uid and entry.pw_uid != 0:
                return cls._borrow(entry)
        for name in BORROWED:
            try:
                return cls._borrow(pwd.getpwnam(name))
            except KeyError:
                continue
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root, and there is no user {' or '.join(BORROWED)} to run it as; "
            "start Sitrep as another user, or set SITREP_DATABASE_URL"
        )

    @classmethod
    def _borrow(cls, entry: pwd.struct_passwd) -> Self:
        return cls(entry.pw_name, entry.pw_uid, frozenset({entry.pw_gid}), entry.pw_gid, borrowed=True)

    @property
    def identity(self) -> Identity:
        """How `subprocess` becomes this user; nothing if we are it already."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.borrowed else {}

    def give(self, path: Path) -> None:
        """Hand over something that we made."""
        if self.borrowed:
            os.chown(path, self.uid, self.gid)

    def barrier(self, folder: Path) -> Path | None:
        """The first folder on the way to (and including) `folder` that this user cannot enter."""
        for step in (*reversed(folder.parents), folder):
            try:
                status = step.stat()
            except OSError:
                return step
            if not self._may_enter(status):
                return step
        return None

    def _may_enter(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid in self.groups:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
