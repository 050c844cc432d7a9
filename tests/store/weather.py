"""A house in which many things break at once."""

from dataclasses import replace
from uuid import UUID

from app.domain.storm import Storm
from app.domain.subject import Subject
from app.store.engine import Store
from app.store.queue import Queue
from app.store.storms import Storms
from tests.store.house import House, alert, post

HEAD = [("slack", "C1", "head"), ("pagerduty", "key", "note")]


class Weather(House):
    """A house in which many things break at once."""

    def __init__(self, store: Store, queue: Queue) -> None:
        super().__init__(store, queue)
        self.storms = Storms(store)

    async def breaks(
        self,
        number: int,
        *,
        name: str = "NotReady",
        node: str = "",
        starts: float = 0,
        minute: float = 1,
        severity: str = "warning",
    ) -> UUID:
        """A workload of its own, with an alert of its own group; the incident's id."""
        fired = replace(alert(name, starts=starts, severity=severity), fingerprint=f"{number:016x}")
        if node:
            fired = replace(fired, labels={**fired.labels, "node": node})
        subject = Subject("prod", "shop", "Deployment", f"app-{number}")
        (incident_id,) = await self.acceptance.accept(post(f"{name} {number}", fired, minute=minute, subject=subject))
        return incident_id

    async def many(self, count: int, **how: str) -> list[UUID]:
        return [await self.breaks(number, **how) for number in range(count)]  # type: ignore[arg-type]

    async def announce_all(self, incidents: list[UUID]) -> list[UUID | None]:
        return [(await self.deliveries.announce(one, HEAD)).parent_id for one in incidents]

    async def over(self, number: int, name: str = "NotReady", *, ends: float = 5) -> None:
        fired = replace(alert(name, ends=ends), fingerprint=f"{number:016x}")
        subject = Subject("prod", "shop", "Deployment", f"app-{number}")
        await self.acceptance.accept(post(f"{name} {number}", fired, minute=ends + 1, subject=subject))

    async def end(self, storm: Storm) -> list[UUID]:
        """The storm is over, however many of it fire; those that fire on."""
        _, alone = await self.storms.end(storm, at_least=storm.size + 1)
        return alone

    async def parts(self, incident_id: UUID) -> dict[str, str]:
        return {one.part: one.state for one in (await self.get(incident_id)).deliveries}

    async def raging(self) -> list[Storm]:
        """Every storm that is not over, whole."""
        return [await self.storms.read(parent_id) for parent_id in await self.storms.raging()]
