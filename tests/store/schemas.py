"""The shape of a schema, and what of it an older version of Sitrep would stumble over."""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, create_engine, text

from app.store.engine import psycopg_url

# A default that is the same for all rows: nothing is rewritten, and an insert need not know the column.
CONSTANT = re.compile(r"('[^']*'|-?[\d.]+|true|false|null|now\(\)|'\{\}')(::[\w \[\]\"]+)?", re.IGNORECASE)

COLUMNS = """
select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type,
  a.attnotnull as required, pg_get_expr(d.adbin, d.adrelid) as default,
  a.attidentity <> '' or a.attgenerated <> '' as computed
from pg_attribute a join pg_class c on c.oid = a.attrelid
left join pg_attrdef d on (d.adrelid, d.adnum) = (c.oid, a.attnum)
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and a.attnum > 0 and not a.attisdropped and c.relname <> 'alembic_version'
"""
# What can refuse a row: checks, keys, and unique indexes that are no constraint. Not null is a column's.
RULES = """
select c.relname as table, o.conname as name, pg_get_constraintdef(o.oid) as rule,
  array(select attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum = any(o.conkey)) as columns
from pg_constraint o join pg_class c on c.oid = o.conrelid
where c.relnamespace = 'public'::regnamespace and not c.relispartition and o.contype <> 'n'
union all
select c.relname, x.relname, pg_get_indexdef(i.indexrelid),
  array(select attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum = any(i.indkey::int2[]))
from pg_index i join pg_class x on x.oid = i.indexrelid join pg_class c on c.oid = i.indrelid
where i.indisunique and c.relnamespace = 'public'::regnamespace and not c.relispartition
  and not exists (select 1 from pg_constraint o where o.conindid = i.indexrelid)
"""


@dataclass(frozen=True)
class Shape:
    """Columns by table and name, rules by table and name."""

    columns: dict[tuple[str, str], dict[str, Any]]
    rules: dict[tuple[str, str], dict[str, Any]]

    @property
    def tables(self) -> set[str]:
        return {table for table, _ in self.columns}


def shape(connection: Connection) -> Shape:
    """What is there now."""
    columns = [dict(row) for row in connection.execute(text(COLUMNS)).mappings()]
    rules = [dict(row) for row in connection.execute(text(RULES)).mappings()]
    return Shape(
        {(one["table"], one["column"]): one for one in columns}, {(one["table"], one["name"]): one for one in rules}
    )


def shape_of(url: str) -> Shape:
    """What is there now, in the database at this address."""
    engine = create_engine(psycopg_url(url))
    try:
        with engine.connect() as connection:
            return shape(connection)
    finally:
        engine.dispose()


def narrowed(before: Shape, after: Shape) -> list[str]:
    """What an older version that runs beside the newer schema would stumble over."""
    faults = [f"{table}.{column} is gone" for table, column in sorted(before.columns.keys() - after.columns.keys())]
    faults += [f"{name} of {table} is gone" for table, name in sorted(before.rules.keys() - after.rules.keys())]
    for key, column in sorted(after.columns.items()):
        if key in before.columns:
            faults += _changed(".".join(key), before.columns[key], column)
        elif key[0] in before.tables:
            faults += _added(".".join(key), column)
    for (table, name), rule in sorted(after.rules.items()):
        known = before.rules.get((table, name))
        if known and known["rule"] != rule["rule"]:
            faults.append(f"{name} of {table} is another rule now")
        if known is None and table in before.tables and not _binds_new_columns_alone(before, after, rule):
            faults.append(f"{name} of {table} is a new rule for old columns")
    return faults


def _changed(name: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    faults = []
    if before["type"] != after["type"]:
        faults.append(f"{name} was {before['type']} and is {after['type']}")
    if after["required"] and not before["required"]:
        faults.append(f"{name} is required now")
    if before["default"] and not after["default"]:
        faults.append(f"{name} lost its default")
    return faults


def _added(name: str, column: dict[str, Any]) -> list[str]:
    if column["computed"]:
        return [f"{name} is computed, which rewrites the table"]
    if column["default"] and not CONSTANT.fullmatch(column["default"]):
        return [f"{name} has a default that is not constant"]
    return [f"{name} is required and has no default"] if column["required"] and not column["default"] else []


def _binds_new_columns_alone(before: Shape, after: Shape, rule: dict[str, Any]) -> bool:
    """Whether rows that an older version writes are free of it: one of its columns is null in them."""
    new = [after.columns[rule["table"], one] for one in rule["columns"] if (rule["table"], one) not in before.columns]
    return any(column["default"] is None for column in new)
