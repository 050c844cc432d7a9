"""What was given up: counted, explained, and tried again now and then."""

from app.store.engine import Store

# An alert that pages nobody, or whose page is over, has no PagerDuty incident: no fault that a person should mend.
NOBODY_PAGED = "coalesce(error, '') like any (array['no_pagerduty_incident%%', 'pagerduty_incident_over%%'])"


class ParkedIncidents:
    """Incidents that could not be looked into, and wait for a webhook or a person."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def count(self) -> int:
        """How many there are."""
        async with self._store.transaction() as transaction:
            row = await transaction.one("select count(*) as count from incident where parked is not null")
        return int(row["count"]) if row else 0

    async def reasons(self) -> list[tuple[str, int]]:
        """(why, how many), the most frequent first."""
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                """
                select parked, count(*) as count from incident where parked is not null
                group by parked order by count desc limit 5
                """
            )
        return [(row["parked"], row["count"]) for row in rows]


class ParkedDeliveries:
    """Deliveries that wait for a person to mend what their reason names."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def counts(self) -> dict[str, int]:
        """How many deliveries wait for a person, for each notifier.

        An alert that pages nobody has no PagerDuty incident: that is no fault of the delivery, and not counted.
        """
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                f"""
                select notifier, count(*) as count from delivery
                where state = 'parked' and not {NOBODY_PAGED} group by notifier
                """  # noqa: S608 - a constant
            )
        return {row["notifier"]: row["count"] for row in rows}

    async def reasons(self) -> list[tuple[str, str, int]]:
        """(notifier, reason, how many) of what waits for a person, the most frequent first."""
        return await self._reasons(f"not {NOBODY_PAGED}")

    async def unpaged(self) -> int:
        """How many notes of the last day found no PagerDuty incident to stand in."""
        rows = await self._reasons("error like 'no_pagerduty_incident%%' and due_at > now() - interval '1 day'")
        return sum(count for *_, count in rows)

    async def ever_paged(self) -> bool:
        """Whether any note ever found its PagerDuty incident."""
        async with self._store.transaction() as transaction:
            found = await transaction.one(
                "select 1 from delivery where notifier = 'pagerduty' and reference is not null limit 1"
            )
        return found is not None

    async def _reasons(self, condition: str) -> list[tuple[str, str, int]]:
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                f"""
                select notifier, coalesce(error, '') as reason, count(*) as count from delivery
                where state = 'parked' and {condition} group by notifier, reason order by count desc limit 20
                """  # noqa: S608 - constants
            )
        return [(row["notifier"], row["reason"], row["count"]) for row in rows]

    async def revive(self, after_seconds: float) -> int:
        """Try again what was parked this long ago, for a day: a token is renewed, a bot invited; how many."""
        async with self._store.transaction() as transaction:
            return await transaction.execute(
                f"""
                update delivery d set state = 'due', attempts = 0, due_at = now() from incident i
                where i.id = d.incident_id and (i.state = 'firing' or d.reference is not null)
                  and d.state = 'parked' and not {NOBODY_PAGED} and d.created_at > now() - interval '1 day'
                  and d.due_at < now() - make_interval(secs => %(seconds)s)
                """,  # noqa: S608 - a constant
                seconds=after_seconds,
            )
