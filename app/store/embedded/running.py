"""Where the embedded server is: its socket, and how another process of this machine finds it."""

from pathlib import Path
from urllib.parse import quote

from app.store.embedded.lock import last_holder

DATABASE = "sitrep"
# A socket's path may have 107 bytes at most: the folder cannot be under the data folder.
SOCKET_PREFIX = "/tmp/sitrep-pg-"  # noqa: S108 - made by mkdtemp, 0700


def running_url(data_dir: Path) -> str | None:
    """The SQLAlchemy URL of the server that runs on this data folder now, None if none does.

    Raises `PermissionError` where the folder is another user's.
    """
    _, socket_folder = last_holder(data_dir.resolve())
    if not is_socket_folder(socket_folder) or not any(Path(socket_folder).glob(".s.PGSQL.*[0-9]")):
        return None
    return url_of(Path(socket_folder))


def url_of(socket_folder: Path) -> str:
    """The SQLAlchemy URL of our database behind this socket."""
    return f"postgresql+psycopg://{DATABASE}@/{DATABASE}?host={quote(str(socket_folder), safe='')}"


def is_socket_folder(path: str) -> bool:
    """Whether we made it: what a lock file says is not obeyed blindly."""
    return path.startswith(SOCKET_PREFIX) and "/" not in path.removeprefix(SOCKET_PREFIX)
