"""The search for a subject's error lines: filters only, newest first, bounded in lines and in time.

What the lines say is looked for by words and their beginnings: to search the middle of words would make Elasticsearch
read every word that it knows. So a line is found by `error`, `ERROR` or `errors`, and by its level, but not by
`SomeUnheardOfError` alone; the usual ones of Java, JavaScript and Python are named.
"""

from datetime import UTC, datetime
from typing import Any, Final

from app.domain.query import LogQuery
from app.gather.logs.journal import KERNEL, UNITS, hosts_of
from app.gather.logs.lines import Window
from app.gather.sources.elasticsearch import fields
from app.gather.sources.elasticsearch.fields import Fields
from app.playbooks.pod_names import pod_pattern

WORDS: Final = " | ".join(
    (
        *("error*", "err", "exception*", "fatal*", "panic*", "traceback", "critical*", "oom*", "fail*", "refused"),
        *("denied", "timeout*", '"timed out"', "unable", "cannot", '"no such"', '"not found"', "killed", "unhealthy"),
        *("typeerror*", "valueerror*", "keyerror*", "attributeerror*", "referenceerror*", "runtimeerror*"),
        *("nullpointerexception*", "outofmemoryerror*", "java.lang*", "java.io*", "java.net*", "java.sql*"),
    )
)
LEVELS: Final = tuple(
    word for level in ("error", "critical", "fatal", "panic", "alert", "emergency") for word in (level, level.upper())
)
# Signs that mean something in Lucene's regular expressions, and nothing in RE2.
_LUCENE_ONLY: Final = str.maketrans({sign: f"\\{sign}" for sign in '"#@&<>~'})
Clause = dict[str, Any]


def search(query: LogQuery, window: Window, known: Fields, limit: int) -> Clause:
    """The body of `_search`, without its time-out."""
    is_node = query.subject.kind == "Node"
    whose = _of_node(query.subject.name, known) if is_node else _of_pods(query, known)
    start, end = (_instant(at) for at in window)
    shown = (*fields.UNIT, *fields.SYSLOG) if is_node else fields.CONTAINER
    return {
        "size": limit,
        "track_total_hits": False,
        "_source": [fields.TIME, *fields.MESSAGE, *shown],
        "sort": [{fields.TIME: {"order": "desc", "unmapped_type": "date"}}],
        "query": {"bool": {"filter": [{"range": {fields.TIME: {"gte": start, "lt": end}}}, *whose, _trouble(known)]}},
    }


def _of_pods(query: LogQuery, known: Fields) -> list[Clause]:
    subject = query.subject
    namespaces = known.exactly(fields.NAMESPACE)
    if subject.kind == "Namespace":
        return [_any(_terms(namespaces, (subject.name,)))]
    pods = [_regexp(name, pod_pattern(subject, query.pods)) for name in known.exactly(fields.POD)]
    return [_any(_terms(namespaces, (subject.namespace,))), _any(pods)]


def _of_node(node: str, known: Fields) -> list[Clause]:
    # The kernel's lines have no unit: the journal names who wrote them.
    services = [_regexp(name, UNITS) for name in known.exactly(fields.UNIT)]
    kernel = _terms(known.exactly(fields.SYSLOG), (KERNEL,))
    return [_any(_terms(known.exactly(fields.HOST), hosts_of(node))), _any([*services, *kernel])]


def _trouble(known: Fields) -> Clause:
    words = {"query": WORDS, "fields": list(known.texts()), "default_operator": "or"}
    return _any([{"simple_query_string": words}, *_terms(known.exactly(fields.LEVEL), LEVELS)])


def _terms(names: tuple[str, ...], values: tuple[str, ...]) -> list[Clause]:
    return [{"terms": {name: list(values)}} for name in names]


def _regexp(name: str, pattern: str) -> Clause:
    """Lucene's are always over the whole value."""
    return {"regexp": {name: {"value": pattern.translate(_LUCENE_ONLY), "flags": "NONE"}}}


def _any(clauses: list[Clause]) -> Clause:
    """One of these holds; of none, none does."""
    return {"bool": {"should": clauses, "minimum_should_match": 1}} if clauses else {"match_none": {}}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
