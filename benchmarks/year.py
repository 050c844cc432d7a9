"""A year of incidents, made by PostgreSQL itself: as skewed as real ones, and the same in every run."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import LiteralString

import psycopg

from app.store.partitions import partition_statements
from benchmarks.vocabulary import ALERTS, SELDOM_ALERTS, SWITCHED_OFF_SHARE, WORKLOADS, Vocabulary, vocabulary

DAYS = 365
CHUNK = 20_000
CONNECTIONS = 2
FASTER = "-c synchronous_commit=off -c maintenance_work_mem=512MB -c timezone=UTC"

# `drawn` is a number from 0 to 1 that depends on the incident's number and on what it is drawn for.
TABLES = """
create schema made;
create table made.workload (i int primary key, cluster text, namespace text, name text);
create table made.alertname (i int primary key, name text);
create table made.cause (i int primary key, id text, description text);
create table made.phrase (i int primary key, text text);
create function made.drawn(n bigint, what int) returns float8 language sql immutable parallel safe
  return (hashint8extended(n, what) & 1073741823) / 1073741824::float8;
"""

DRAWN: LiteralString = """
select n,
  %(now)s::timestamptz - make_interval(secs => %(seconds)s * ((%(size)s - n + made.drawn(n, 1)) / %(size)s)) as started,
  make_interval(secs => 60 + 40000 * made.drawn(n, 2) ^ 4) as lasts,
  case when made.drawn(n, 3) < 0.001 then 0 when made.drawn(n, 3) < 0.12 then 1
    when made.drawn(n, 3) < 0.75 then 2 else 3 end as severity,
  floor(%(workloads)s * (case when n > %(size)s * 0.45 then 1 - %(off)s else 1 end) * made.drawn(n, 4) ^ 1.6)::int
    as workload,
  case when made.drawn(n, 5) < 0.0005 then %(alerts)s + floor(%(seldom)s * made.drawn(n, 6))
    else floor(%(alerts)s * made.drawn(n, 6) ^ 4) end::int as alertname,
  case when made.drawn(n, 7) > 0.25 then floor(%(causes)s * made.drawn(n, 8) ^ 3) end::int as cause,
  floor(%(phrases)s * made.drawn(n, 9) ^ 2)::int as said, floor(%(phrases)s * made.drawn(n, 10))::int as also,
  md5(n::text) as hash
from generate_series(%(first)s::bigint, %(last)s::bigint) n
"""

WORDED: LiteralString = f"""
select drawn.*, started + make_interval(secs => 30 * made.drawn(n, 11)) as received,
  started + lasts > %(now)s::timestamptz or (n > %(size)s - 200 and made.drawn(n, 12) < 0.5)
    or made.drawn(n, 12) < 0.0001 as fires,
  w.cluster, w.namespace, w.name, a.name as alert, c.id as because,
  w.name || ': ' || coalesce(c.description, 'no cause was found') as headline,
  a.name || ' ' || w.namespace || '/' || w.name as title,
  concat_ws(' ', w.name, 'is failing since', to_char(started, 'HH24:MI'), said.text, also.text, c.description, c.id,
    'container app restarted', n %% 30, 'times', a.name, w.cluster, 'kube-state-metrics',
    '10.' || n %% 200 || '.' || n %% 251 || '.' || n %% 253 || ':8080', w.namespace,
    w.name || '-' || substr(hash, 1, 10) || '-' || substr(hash, 11, 5), 'node-' || n %% 300, 'monitoring/k8s',
    (array['none', 'info', 'warning', 'critical'])[severity + 1], hash::uuid,
    'Pod has been in a non-ready state for more than 15 minutes.') as words,
  jsonb_build_array(jsonb_build_object('cluster', w.cluster, 'namespace', w.namespace, 'kind', 'Deployment',
    'name', w.name)) as subjects
from ({DRAWN}) drawn
join made.workload w on w.i = drawn.workload join made.alertname a on a.i = drawn.alertname
join made.phrase said on said.i = drawn.said join made.phrase also on also.i = drawn.also
left join made.cause c on c.i = drawn.cause
"""  # noqa: S608 - constants

# The identifier is a UUIDv7 as the application makes it, and the search text is indexed as it indexes it.
INCIDENTS: LiteralString = f"""
insert into incident (id, month, state, severity, enrichment, enriched_rev, received_at, accepted_ms, started_at,
  onset_at, announced_at, first_notified_at, resolved_at, alertname, cluster, namespace, workload, cause, title,
  headline, reported, subjects, search)
select (lpad(to_hex((extract(epoch from received) * 1000)::bigint), 12, '0') || '7' || substr(hash, 1, 3) || '8'
    || substr(hash, 4, 15))::uuid,
  date_trunc('month', received)::date, case when fires then 'firing' else 'resolved' end, severity, 'complete', 1,
  received, 12, started, started - interval '2 min', received + interval '4 s', received + interval '5 s',
  case when not fires then started + lasts end, alert, cluster, namespace, name, because, title, headline,
  subjects, subjects, to_tsvector('simple', left(title || ' ' || words, 64000))
    || to_tsvector('simple', translate(left(title || ' ' || words, 64000), '/._:', '    '))
from ({WORDED}) worded
"""  # noqa: S608 - constants


def load(url: str, size: int) -> None:
    """Fill a migrated database with so many incidents; indexes are built when the rows are there."""
    words = vocabulary()
    with psycopg.connect(url, autocommit=True, options=FASTER) as connection:
        connection.execute(TABLES)
        _copy(connection, words)
        for month in sorted(_months()):
            for statement in partition_statements(month):
                connection.execute(statement.encode())
        indexes = connection.execute(
            "select indexname, indexdef from pg_indexes where tablename = 'incident' and indexname <> 'incident_pkey'"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"drop index {name}".encode())
        constants = _constants(words, size)
        _each(url, [(INCIDENTS, {**constants, "first": first, "last": last}) for first, last in _chunks(size)])
        _each(url, [(definition.encode(), {}) for _, definition in indexes])
        connection.execute("vacuum (analyze) incident")


def _copy(connection: psycopg.Connection, words: Vocabulary) -> None:
    tables = (("workload", words.workloads), ("alertname", words.alerts))
    for table, rows in (*tables, ("cause", words.causes), ("phrase", words.phrases)):
        with connection.cursor().copy(f"copy made.{table} from stdin".encode()) as copy:
            for row in rows:
                copy.write_row(row)
        connection.execute(f"analyze made.{table}".encode())


def _months() -> set[date]:
    today = datetime.now(UTC).date()
    return {(today - timedelta(days=day)).replace(day=1) for day in range(DAYS + 2)}


def _constants(words: Vocabulary, size: int) -> dict[str, object]:
    return {
        "now": datetime.now(UTC),
        "seconds": DAYS * 86_400,
        "size": size,
        "workloads": WORKLOADS,
        "off": SWITCHED_OFF_SHARE,
        "alerts": ALERTS,
        "seldom": SELDOM_ALERTS,
        "causes": len(words.causes),
        "phrases": len(words.phrases),
    }


def _chunks(size: int) -> list[tuple[int, int]]:
    return [(first, min(first + CHUNK - 1, size)) for first in range(1, size + 1, CHUNK)]


def _each(url: str, statements: list[tuple[LiteralString | bytes, dict[str, object]]]) -> None:
    """Run them, over two connections at once."""

    def run(statement: tuple[LiteralString | bytes, dict[str, object]]) -> None:
        with psycopg.connect(url, autocommit=True, options=FASTER) as connection:
            connection.execute(statement[0], statement[1] or None)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(run, statements))
