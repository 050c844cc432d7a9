"""The part of Elasticsearch's query language that a log question needs, with its traps: text is matched by words."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

Document = Mapping[str, Any]
Test = Callable[[Document], bool]
Mapped = Mapping[str, str]

_WORD = re.compile(r"\w+(?:[.']\w+)*")
_CLAUSE = re.compile(r'"([^"]*)"|(\S+?)(\*?)(?=\s*(?:\||$))')
_LUCENE_SIGNS = '"#@&<>~'


class QueryError(Exception):
    """What Elasticsearch says with 400."""


def value_of(document: Document, name: str) -> object:
    """The value at a dotted name, for documents whose objects are nested."""
    found: object = document
    for part in name.removesuffix(".keyword").split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def parse(query: object, mapped: Mapped) -> Test:
    if not isinstance(query, dict) or len(query) != 1:
        raise QueryError("[query] malformed query, expected one clause")
    ((kind, body),) = query.items()
    parsers = {
        "bool": _bool,
        "range": _range,
        "terms": _terms,
        "regexp": _regexp,
        "simple_query_string": _simple_query_string,
    }
    if kind in {"match_all", "match_none"}:
        return lambda _: kind == "match_all"
    if kind not in parsers:
        raise QueryError(f"unknown query [{kind}]")
    return parsers[kind](body, mapped)


def _bool(body: dict[str, Any], mapped: Mapped) -> Test:
    unknown = set(body) - {"filter", "should", "minimum_should_match"}
    if unknown:
        raise QueryError(f"[bool] query does not support [{unknown.pop()}]")
    filters = [parse(one, mapped) for one in body.get("filter", [])]
    should = [parse(one, mapped) for one in body.get("should", [])]
    least = body.get("minimum_should_match", 0 if filters else 1)
    return lambda document: (
        all(test(document) for test in filters) and (not should or sum(test(document) for test in should) >= least)
    )


def _range(body: dict[str, Any], mapped: Mapped) -> Test:
    ((name, bounds),) = body.items()
    if set(bounds) - {"gte", "lt"}:
        raise QueryError("[range] query does not support this bound here")
    start, end = (datetime.fromisoformat(bounds[bound]) for bound in ("gte", "lt"))
    return lambda document: mapped.get(name) == "date" and start <= datetime.fromisoformat(document[name]) < end


def _terms(body: dict[str, Any], mapped: Mapped) -> Test:
    ((name, values),) = body.items()
    if not isinstance(values, list):
        raise QueryError("[terms] query requires an array of terms")
    if mapped.get(name) == "text":
        return lambda document: bool(set(values) & set(_words(value_of(document, name))))
    return lambda document: name in mapped and value_of(document, name) in values


def _regexp(body: dict[str, Any], mapped: Mapped) -> Test:
    ((name, given),) = body.items()
    if set(given) - {"value", "flags"} or given.get("flags", "ALL") not in {"ALL", "NONE"}:
        raise QueryError("[regexp] query does not support this")
    pattern = re.compile(_from_lucene(given["value"]))

    def test(document: Document) -> bool:
        value = value_of(document, name)
        if mapped.get(name) == "text":
            return any(pattern.fullmatch(word) for word in _words(value))
        return name in mapped and isinstance(value, str) and pattern.fullmatch(value) is not None

    return test


def _from_lucene(text: str) -> str:
    """A quote opens a literal; a backslash makes any sign a literal one."""
    out, at = "", 0
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            if at + 1 == len(text):
                raise QueryError("end-of-string expected at the end of a regular expression")
            out, at = out + re.escape(text[at + 1]), at + 2
        elif sign == '"':
            end = text.find('"', at + 1)
            if end < 0:
                raise QueryError("expected '\"' in a regular expression")
            out, at = out + re.escape(text[at + 1 : end]), end + 1
        else:
            out, at = out + (re.escape(sign) if sign in "^$" else sign), at + 1
    return out


def _simple_query_string(body: dict[str, Any], mapped: Mapped) -> Test:
    if set(body) - {"query", "fields", "default_operator", "flags"}:
        raise QueryError("[simple_query_string] unsupported field")
    names = [name for name in body["fields"] if mapped.get(name) in {"text", "match_only_text"}]
    flags = body.get("flags", "ALL").split("|")
    if not {"ALL", "WHITESPACE"} & set(flags):
        # Then a space is a part of the word, which no word has.
        clauses = [] if " " in body["query"] else _CLAUSE.findall(body["query"])
    else:
        clauses = _CLAUSE.findall(body["query"])

    def test(document: Document) -> bool:
        for name in names:
            words = _words(value_of(document, name))
            if any(_holds(words, *clause) for clause in clauses):
                return True
        return False

    return test


def _holds(words: list[str], phrase: str, word: str, star: str) -> bool:
    if phrase:
        wanted = _words(phrase)
        return any(words[at : at + len(wanted)] == wanted for at in range(len(words)))
    return any(each.startswith(word.lower()) if star else each == word.lower() for each in words)


def _words(value: object) -> list[str]:
    """As the standard analyzer does: lower case, and what is joined by dots is one word."""
    return [word.lower() for word in _WORD.findall(value)] if isinstance(value, str) else []
