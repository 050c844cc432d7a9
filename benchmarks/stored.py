"""What is stored, as far as questions need it: names by how frequent they are, and some whole rows."""

from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

COMMON, MIDDLING = 0.25, (0.001, 0.01)

# The most frequent first.
NAMES: dict[str, LiteralString] = {
    "alertname": "select alertname from incident group by 1 order by count(*) desc, 1",
    "cluster": "select cluster from incident group by 1 order by count(*) desc, 1",
    "cause": "select cause from incident where cause is not null group by 1 order by count(*) desc, 1",
    "family": """
      select split_part(cause, '.', 1) from incident where cause is not null group by 1 order by count(*) desc, 1
    """,
}
SAMPLE: LiteralString = """
  create table made.sample as select id, search, started_at, cluster, namespace, workload, alertname
  from incident tablesample bernoulli (least(100, 1000000.0 / %(size)s)) repeatable (1)
"""
ROWS: LiteralString = "select * from made.sample order by md5(id::text) limit 400"
WHOLE: LiteralString = "select id from made.whole order by md5(id::text) limit 400"
WORDS: LiteralString = """
  select word, ndoc::float8 / (select count(*) from made.sample) as share, ndoc
  from ts_stat('select search from made.sample') where word ~ '^[a-z]{4,}$' order by ndoc desc, word
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """`names`: the distinct values of a column. `rows`: incidents at random. `whole`: ids with all that hangs on them.

    `common`, `middling`, `rare`: words in more than a quarter, in a few of a thousand, in one of the sample.
    """

    names: dict[str, list[str]]
    rows: list[dict[str, Any]]
    whole: list[str]
    common: list[str]
    middling: list[str]
    rare: list[str]


def stored(url: str, size: int) -> Stored:
    """Look through the database."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        connection.execute(SAMPLE, {"size": size})
        words = connection.execute(WORDS).fetchall()
        lowest, highest = MIDDLING
        return Stored(
            names={name: _column(connection, statement) for name, statement in NAMES.items()},
            rows=connection.execute(ROWS).fetchall(),
            whole=_column(connection, WHOLE),
            common=[row["word"] for row in words if row["share"] > COMMON],
            middling=[row["word"] for row in words if lowest <= row["share"] <= highest],
            rare=[row["word"] for row in words if row["ndoc"] == 1],
        )


def _column(connection: psycopg.Connection[dict[str, Any]], statement: LiteralString) -> list[str]:
    return [str(value) for row in connection.execute(statement) for value in row.values()]
