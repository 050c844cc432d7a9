"""What the lookup is asked: many questions of each kind, with arguments drawn from what is stored."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchmarks.stored import Stored
from benchmarks.vocabulary import SWITCHED_OFF

# Words of every incident's text, whatever its labels are.
SAID = ("failed", "code", "container", "restarted", "minutes")

Query = dict[str, str]
Drawing = Callable[[random.Random, Stored], Query]


@dataclass(frozen=True, slots=True)
class Kind:
    """Its name among the figures, what a person calls it, and what is asked at a turn."""

    name: str
    what: str
    query: Drawing


def _row(draw: random.Random, stored: Stored, *names: str) -> Query:
    row = draw.choice(stored.rows)
    return {name: row[name] for name in names}


def _months(draw: random.Random, stored: Stored) -> Query:
    since: datetime = draw.choice(stored.rows)["started_at"]
    until = since + timedelta(days=draw.randrange(1, 60))
    return {"since": since.isoformat(), "until": until.isoformat()}


def _since(stored: Stored, days: int) -> Query:
    newest: datetime = max(row["started_at"] for row in stored.rows)
    return {"since": (newest - timedelta(days=days)).isoformat()}


def _of(names: list[str], draw: random.Random) -> str:
    return draw.choice(names)


def _two(names: list[str], draw: random.Random) -> str:
    return " ".join(draw.sample(names, 2))


def _nowhere(draw: random.Random, _: Stored) -> Query:
    return {"q": f"zzq{draw.randrange(10**9)}"}


def _severity(draw: random.Random) -> str:
    return draw.choice(("info", "warning", "critical"))


KINDS = (
    Kind("newest", "newest page", lambda _, __: {}),
    Kind("newest_200", "newest page of 200", lambda _, __: {"limit": "200"}),
    Kind("firing", "state: firing", lambda _, __: {"state": "firing"}),
    Kind("resolved", "state: resolved", lambda _, __: {"state": "resolved"}),
    Kind("severity", "severity", lambda d, _: {"severity": _severity(d)}),
    Kind("severity_seldom", "severity that hardly occurs", lambda _, __: {"severity": "none"}),
    Kind("alertname", "alertname, common", lambda d, s: {"alertname": _of(s.names["alertname"][:15], d)}),
    Kind("alertname_seldom", "alertname, rare", lambda d, s: {"alertname": _of(s.names["alertname"][-50:], d)}),
    Kind("cluster", "cluster", lambda d, s: {"cluster": _of(s.names["cluster"], d)}),
    Kind("cluster_off", "cluster that no longer is", lambda _, __: {"cluster": SWITCHED_OFF}),
    Kind("cluster_nowhere", "cluster that never was", lambda d, _: {"cluster": f"c{d.randrange(10**6)}"}),
    Kind("namespace", "namespace", lambda d, s: _row(d, s, "namespace")),
    Kind("workload", "namespace and workload", lambda d, s: _row(d, s, "namespace", "workload")),
    Kind("workload_alone", "workload in any namespace", lambda d, s: _row(d, s, "workload")),
    Kind("cause", "cause", lambda d, s: {"cause": _of(s.names["cause"], d)}),
    Kind("family", "family of causes", lambda d, s: {"cause": _of(s.names["family"], d)}),
    Kind("between", "since and until", _months),
    Kind("place", "cluster, severity, since", lambda d, s: {
        **_row(d, s, "cluster"), "severity": _severity(d), **_since(s, d.randrange(1, 90))
    }),
    Kind("strangers", "namespace and cluster at random", lambda d, s: {
        **_row(d, s, "namespace"), **_row(d, s, "cluster")
    }),
    Kind("crossed", "alertname and workload that hardly meet", lambda d, s: {
        **_row(d, s, "alertname"), **_row(d, s, "workload", "cluster")
    }),
    Kind("firing_critical", "firing and critical", lambda _, __: {"state": "firing", "severity": "critical"}),
    Kind("q_common", "text: a common word", lambda d, s: {"q": _of(s.common, d)}),
    Kind("q_middling", "text: a word of a few in a thousand", lambda d, s: {"q": _of(s.middling, d)}),
    Kind("q_rare", "text: a rare word", lambda d, s: {"q": _of(s.rare, d)}),
    Kind("q_nowhere", "text: a word that is nowhere", _nowhere),
    Kind("q_two", "text: two common words", lambda d, s: {"q": _two(s.common, d)}),
    Kind("q_two_mixed", "text: a common word and a rarer", lambda d, s: {
        "q": f"{_of(s.common, d)} {_of(s.middling, d)}"
    }),
    Kind("q_apart", "text: two frequent words that never meet", lambda d, s: {
        "q": _two(s.names["alertname"][:8], d)
    }),
    Kind("q_name", "text: a workload's name", lambda d, s: {"q": _row(d, s, "workload")["workload"]}),
    Kind("q_off", "text: a word that is only in old ones", lambda _, __: {"q": SWITCHED_OFF}),
    Kind("q_filtered", "text: a common word, cluster, severity", lambda d, s: {
        "q": d.choice(SAID), **_row(d, s, "cluster"), "severity": _severity(d)
    }),
    Kind("q_contrary", "text: a frequent word, a filter that rules it out", lambda d, s: {
        "q": "critical", **_row(d, s, "cluster"), "severity": "warning"
    }),
    Kind("q_workload", "text: a common word, workload", lambda d, s: {
        "q": _of(s.common, d), **_row(d, s, "namespace", "workload")
    }),
    Kind("q_firing", "text: a rarer word, firing", lambda d, s: {"q": _of(s.middling, d), "state": "firing"}),
)  # fmt: skip


def deep_lists(draw: random.Random, stored: Stored) -> list[Query]:
    """Lists that begin somewhere in the year; the cursor that each gives leads to a deep page."""
    filters: list[Query] = [
        {}, {"severity": "critical"}, {"q": stored.common[0]}, {"cluster": stored.names["cluster"][0]}
    ]  # fmt: skip
    begins = [draw.choice(stored.rows)["started_at"].isoformat() for _ in range(40)]
    return [{**draw.choice(filters), "until": begin, "limit": "200"} for begin in begins]
