"""`sitrep incidents …`: what a person does to an incident from the command line.

Straight into the database, as `doctor` looks: it works beside every role, also where no API runs or no token is known.
"""

from uuid import UUID

from app.settings import Settings
from app.store.asking import Asking
from app.store.embedded import running_url
from app.store.engine import Store
from app.store.migrate import revisions
from app.store.queue import Queue


class NoDatabaseError(Exception):
    """There is no database to work in, or not one of this version."""


async def ask_again(settings: Settings, incident_id: UUID, who: str) -> None:
    """Have an incident looked into anew.

    Raises `NotFoundError`, `NoDatabaseError`, `DatabaseUrlError`, `StoreUnavailableError`, `SettingsError`.
    """
    store = Store(_address(settings))
    try:
        if not (await revisions(store)).match:
            raise NoDatabaseError("the database has another version's schema; `sitrep doctor` says more")
        await Asking(store, Queue(store).enqueue).again(incident_id, who)
    finally:
        await store.aclose()


def _address(settings: Settings) -> str:
    if settings.database_url:
        return settings.database_url.read()
    try:
        url = running_url(settings.data_dir)
    except PermissionError:
        raise NoDatabaseError(f"{settings.data_dir} is another user's: run this as that user") from None
    if not url:
        raise NoDatabaseError("SITREP_DATABASE_URL is not set, and no embedded database runs: start `sitrep serve`")
    return url
