"""What to ask Prometheus and the log store about a subject: its playbook's questions and its alerts' own expressions.

The names that a `Series` can carry, for those who judge them:

| name | unit | what it is |
|---|---|---|
| `alert_condition` | | the alert's expression as the rule has it: points exist only while it is true |
| `alert_value` | | the same without its threshold (`promql.without_threshold` of the condition's expr) |
| `memory_working_set` `memory_limit` | bytes | the fullest pod, and the limit, by container |
| `cpu_usage` `cpu_limit` | cores | the busiest pod, and the limit, by container |
| `cpu_throttled_ratio` | ratio | throttled periods of all, the worst pod, by container |
| `restarts` | count | the restart counter of each pod's container: a step is a restart |
| `replicas_available` `replicas_wanted` | count | of the workload |
| `request_rate` `error_ratio` `latency_p95` | per_second, ratio, seconds | what its callers get |
| `alerts_firing_nearby` | count | firing alerts by name and severity, in the namespace or on the node |
| `node_condition` `node_pods` `node_pods_not_ready` | count | a node's conditions that are true (1), its pods |
| `nodes_not_ready` | count | of all nodes |
| `node_memory_used_ratio` `node_cpu_used_ratio` `node_disk_used_ratio` `node_cpu_requested_ratio` | ratio | a node |
| `namespace_restarts` `namespace_pods` `quota_used_ratio` | count, ratio | a namespace |
| `volume_used_ratio` `volume_inodes_used_ratio` | ratio | a volume claim |
| `job_failed_pods` `job_active_pods` | count | a job |
| `hpa_current_replicas` `hpa_max_replicas` | count | an autoscaler |

`<name>_usual` is the same question for the same window one day ago, with that day's timestamps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app import promql
from app.domain.alert import Alert, AlertStatus
from app.domain.playbook import PlaybookQuery
from app.domain.query import LogQuery, PromQuery
from app.domain.subject import Subject
from app.playbooks.concerning import one_of_each_name
from app.playbooks.guidance import Shelf
from app.playbooks.rendering import Context, TemplateFaultError, render_expression

WINDOW = timedelta(hours=1)
LONGEST_WINDOW = timedelta(hours=6)
BEFORE_START = timedelta(minutes=30)
DAY = timedelta(days=1)
LOGS_BEFORE_START = timedelta(minutes=10)
LONGEST_LOG_WINDOW = timedelta(hours=2)
MAX_EXPRESSIONS = 3
# Of the playbooks for one subject: ours ask half as many, and a team's hundred files must not ask for all of them.
MAX_QUESTIONS = 50
MAX_RENDERED_CHARACTERS = 16 * 1024
SAMPLE = timedelta(minutes=5)
USUAL_BEFORE = (timedelta(hours=1), DAY)
NO_LOGS_OF = frozenset({"PersistentVolume", "APIService", "Cluster"})

Question = PromQuery | LogQuery


class Questions:
    """Builds queries from playbooks; it knows no source."""

    def __init__(self, playbooks: Shelf) -> None:
        """`playbooks` are asked anew for each incident, for they may change."""
        self._playbooks = playbooks

    def __call__(
        self, alerts: Sequence[Alert], subject: Subject, now: datetime, pods: Sequence[str] = ()
    ) -> tuple[Question, ...]:
        """All questions for one subject of these alerts; `pods` are the names known so far."""
        firing = [alert for alert in alerts if alert.status is AlertStatus.FIRING] or list(alerts)
        started = _earliest_start(firing, now)
        window = (max(now - LONGEST_WINDOW, min(now - WINDOW, started - BEFORE_START)), now)
        asked = [*_own_expressions(firing, subject, window), *self._playbook_questions(firing, subject, window, pods)]
        return (*asked, *_log_questions(subject, started, now, pods))

    def _playbook_questions(
        self, alerts: Sequence[Alert], subject: Subject, window: tuple[datetime, datetime], pods: Sequence[str]
    ) -> Iterator[PromQuery]:
        asked: set[str] = set()
        named = [(alert.name, alert.labels) for alert in one_of_each_name(alerts, subject)]
        for name, labels in named or [("", {})]:
            context = Context(subject, labels, tuple(pods))
            for query in self._playbooks.for_alert(name, subject).queries:
                expr = "" if query.name in asked or len(asked) >= MAX_QUESTIONS else _rendered(query, context)
                if expr:
                    asked.add(query.name)
                    yield from _now_and_usual(query, expr, subject, window)


def _rendered(query: PlaybookQuery, context: Context) -> str:
    """The question's PromQL; empty where it needs a label that the alert does not carry: then it does not arise."""
    try:
        expr = render_expression(query.expr, context)
    except TemplateFaultError:
        return ""
    return expr if len(expr) <= MAX_RENDERED_CHARACTERS else ""


def _now_and_usual(
    query: PlaybookQuery, expr: str, subject: Subject, window: tuple[datetime, datetime]
) -> Iterator[PromQuery]:
    asked = PromQuery(f"{query.question} of {subject}", subject, query.name, expr, query.unit, *window)
    yield asked
    if query.usual:
        yield _a_day_ago(asked)


def _a_day_ago(asked: PromQuery) -> PromQuery:
    return replace(
        asked,
        question=f"{asked.question}, a day ago",
        name=f"{asked.name}_usual",
        start=asked.start - DAY,
        end=asked.end - DAY,
    )


def _own_expressions(
    alerts: Sequence[Alert], subject: Subject, window: tuple[datetime, datetime]
) -> Iterator[PromQuery]:
    """The alerts' own expressions, as they are and without their threshold; alerts that share one are asked once."""
    labels_of: dict[str, list[tuple[tuple[str, str], ...]]] = {}
    name_of: dict[str, str] = {}
    for alert in alerts:
        expr = promql.alert_expression(alert.generator_url)
        if expr:
            labels_of.setdefault(expr, []).append(tuple(sorted(alert.labels.items())))
            name_of.setdefault(expr, alert.name)
    for expr, labels in list(labels_of.items())[:MAX_EXPRESSIONS]:
        question = f"the expression of {name_of[expr]}"
        condition = PromQuery(question, subject, "alert_condition", expr, "", *window, alert_labels=tuple(labels))
        yield condition
        parted = promql.without_threshold(expr)
        if parted:
            value = replace(condition, question=f"{question} without its threshold", name="alert_value", expr=parted[0])
            yield value
            yield _a_day_ago(value)


def _log_questions(subject: Subject, started: datetime, now: datetime, pods: Sequence[str]) -> Iterator[LogQuery]:
    if subject.kind in NO_LOGS_OF or not (subject.namespace or subject.kind in {"Namespace", "Node"}):
        return
    start = max(now - LONGEST_LOG_WINDOW, min(started - LOGS_BEFORE_START, now - LOGS_BEFORE_START))
    # Short samples of the usual time: a whole hour or day would cost as much as it tells.
    usual = tuple((start - before, start - before + SAMPLE) for before in USUAL_BEFORE)
    what = "errors of the system services of" if subject.kind == "Node" else "errors in the logs of"
    yield LogQuery(f"{what} {subject}", subject, start, now, usual, tuple(pods))


def _earliest_start(alerts: Sequence[Alert], now: datetime) -> datetime:
    """When the first of them began; senders' clocks are not believed: not in the future, not in the year 1."""
    return max(now - LONGEST_WINDOW, min((min(alert.starts_at, now) for alert in alerts), default=now))
