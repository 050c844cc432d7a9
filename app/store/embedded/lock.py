"""One Sitrep for each data folder; who comes second learns where the first one answers."""

import fcntl
import os
from pathlib import Path
from typing import Self

from app.store.embedded.account import ADVICE, Account, EmbeddedPostgresError

_MAX_BYTES = 4096


class DataLock:
    """Held for as long as the file is open, so it ends with the process, however that ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, data_dir: Path, account: Account) -> Self:
        """Raises `EmbeddedPostgresError` with the address of who holds it, or with what the folder lacks."""
        path = data_dir / "lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise EmbeddedPostgresError(f"cannot write {path}: {error.strerror}; {ADVICE}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            address = _read(descriptor).partition("\n")[0]
            os.close(descriptor)
            where = f" at {address}" if address else ""
            raise EmbeddedPostgresError(
                f"another Sitrep{where} uses the data in {data_dir}; stop it, or set SITREP_DATA_DIR to another folder"
            ) from None
        account.give(path)
        return cls(path, descriptor)

    def read(self) -> tuple[str, str]:
        """Address and socket folder that the last holder wrote."""
        return _parsed(self._descriptor)

    def write(self, address: str, socket_folder: str) -> None:
        """What the next one should know about us."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{address}\n{socket_folder}\n".encode()[:_MAX_BYTES], 0)

    def release(self) -> None:
        """The file stays: removing a locked file lets two hold it at once."""
        os.close(self._descriptor)


def last_holder(data_dir: Path) -> tuple[str, str]:
    """Address and socket folder that the last holder wrote, without taking the lock; empty where there is none.

    Raises `PermissionError` where the file is another user's.
    """
    try:
        descriptor = os.open(data_dir / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except PermissionError:
        raise
    except OSError:
        return "", ""
    try:
        return _parsed(descriptor)
    finally:
        os.close(descriptor)


def _parsed(descriptor: int) -> tuple[str, str]:
    address, _, socket_folder = _read(descriptor).partition("\n")
    return address, socket_folder.strip()


def _read(descriptor: int) -> str:
    return os.pread(descriptor, _MAX_BYTES, 0).decode("utf-8", "replace")
