"""Which incidents a scope covers, said in SQL: pages stay whole and cursors right, since nothing is left out later."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, and_, cast, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

from app.domain.errors import NotFoundError
from app.domain.scope import Scope
from app.domain.subject import SUBJECTS_KEPT
from app.store.engine import Store
from app.store.newest import Columns, Condition
from app.store.tables import incident as table

_IS = '(@.kind == "Namespace" && @.name == $n{0} || @.kind != "Namespace" && @.namespace == $n{0})'


def conditions(scope: Scope) -> list[Condition]:
    """True of incidents all of whose subjects lie in the scope; none where it is everything.

    What alerts name and what it turned out to be about, both. Of an incident with as many subjects as are kept, there
    may be more elsewhere. A storm may reach anywhere, so it is told by the incidents that it swept in.
    """
    if scope.places is None:
        return []
    path, values = _outside(sorted(scope.places))
    names = sorted({place.rpartition("/")[2] for place in scope.places})

    def covered(columns: Columns) -> ColumnElement[bool]:
        return and_(
            # Follows from the rest, and has an index.
            columns.namespace.in_((*names, "")),
            columns.storm.is_(None),
            *(_lies_within(columns[name], path, values) for name in ("subjects", "reported")),
        )

    return [covered]


async def require(store: Store, incident_id: UUID, scope: Scope) -> None:
    """Raises `NotFoundError` where there is no such incident in the scope: whoever asks cannot tell which."""
    if scope.is_all:
        return
    statement = select(table.c.id).where(table.c.id == incident_id, *(one(table.c) for one in conditions(scope)))
    async with store.session() as connection:
        if (await connection.execute(statement)).first() is None:
            raise NotFoundError(f"there is no incident {incident_id}")


def _lies_within(subjects: ColumnElement[object], path: str, values: dict[str, str]) -> ColumnElement[bool]:
    outside = func.jsonb_path_exists(subjects, cast(literal(path), JSONPATH), cast(literal(values, JSONB), JSONB))
    return and_(func.jsonb_array_length(subjects).between(1, SUBJECTS_KEPT - 1), ~outside)


def _outside(places: Iterable[str]) -> tuple[str, dict[str, str]]:
    """A JSON path to the subjects that lie in none of the places; their names go in as variables."""
    alternatives, values = [], {}
    for number, place in enumerate(places):
        cluster, _, values[f"n{number}"] = place.rpartition("/")
        alternative = _IS.format(number)
        if cluster:
            values[f"c{number}"] = cluster
            alternative = f"(@.cluster == $c{number} && {alternative})"
        alternatives.append(alternative)
    return f"$[*] ? (!({' || '.join(alternatives) or '1 == 0'}))", values
