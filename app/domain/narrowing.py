"""An incident as those may see it who may see some namespaces only. Pure; what is left out is counted."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.domain.alert import Alert
from app.domain.evidence import Evidence, Item, ObjectState, Series
from app.domain.incident import Assessment, Briefing, Incident, TimelineEntry
from app.domain.playbook import Guidance
from app.domain.scope import Scope, namespace_of
from app.domain.subject import Subject

ELSEWHERE = "in another namespace"
NEWS_ELSEWHERE = "there is news of a workload in another namespace"
STORM_ELSEWHERE = "several workloads at once, not all of them here"
_NAMES = ("pod", "deployment", "statefulset", "daemonset", "job_name", "cronjob", "service", "workload", "container")
_LEAST_NAME = 2
# An end of a statement that long is no coincidence.
_TELLING = 20


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What a text must not speak of: names of other namespaces' objects, and what was found about these."""

    hidden: frozenset[Subject]
    names: re.Pattern[str] | None
    own: re.Pattern[str] | None
    statements: tuple[str, ...]

    @classmethod
    def of(cls, incident: Incident, scope: Scope) -> "Elsewhere":
        """Everything in the incident that the scope hides."""
        subjects = set(_subjects(incident))
        hidden = frozenset(subject for subject in subjects if scope.hides(subject))
        foreign = [alert.labels for alert in incident.alerts if _is_foreign(alert, incident, scope)]
        labelled = {labels.get(name, "") for labels in foreign for name in ("namespace", *_NAMES)}
        own = _names(subjects - hidden)
        judged = incident.assessment
        found = judged.findings if judged else ()
        statements = [one.statement for one in found if one.subject in hidden and one.statement]
        return cls(hidden, _any((_names(hidden) | labelled) - own), _any(own), tuple(statements))

    def mentions(self, text: str) -> bool:
        """Whether the text names, or repeats what was found of, something elsewhere."""
        if any(_repeats(statement, text) for statement in self.statements):
            return True
        if self.names is None:
            return False
        # Our `pay-api` is no mention of the namespace `pay`.
        return self.names.search(self.own.sub(" ", text) if self.own else text) is not None

    def clean(self, lines: Iterable[str]) -> tuple[str, ...]:
        """The lines that speak of nothing elsewhere."""
        return tuple(line for line in lines if not self.mentions(line))

    def or_else(self, text: str, otherwise: str) -> str:
        """The text, or what is said in its place."""
        return otherwise if self.mentions(text) else text


def within(incident: Incident, scope: Scope) -> Incident:
    """The incident without other namespaces' names, lines and findings; as it is for who may see everything."""
    if scope.is_all:
        return incident
    elsewhere = Elsewhere.of(incident, scope)
    own = tuple(subject for subject in incident.subjects if subject not in elsewhere.hidden)
    title = f"{incident.alertname} {own[0]}" if own else incident.alertname
    return replace(
        incident,
        scope=scope,
        elsewhere=sum(subject.is_workload for subject in elsewhere.hidden) or len(elsewhere.hidden),
        title=elsewhere.or_else(incident.title, title),
        headline=elsewhere.or_else(incident.headline, f"{title}: {ELSEWHERE} too"),
        groups=tuple(replace(one, group_key=elsewhere.or_else(one.group_key, "")) for one in incident.groups),
        alerts=tuple(alert for alert in incident.alerts if not _is_foreign(alert, incident, scope)),
        subjects=own,
        assessment=_judged(incident.assessment, elsewhere, is_storm=bool(incident.storm)),
        gaps=tuple(gap for gap in incident.gaps if not elsewhere.mentions(gap.question + gap.reason)),
        timeline=tuple(_told(entry, elsewhere) for entry in incident.timeline),
        parent_id=None,
        parent_headline=STORM_ELSEWHERE if incident.parent_headline else "",
    )


def evidence_within(evidence: Evidence, scope: Scope) -> Evidence:
    """What was seen of these namespaces, and of what lies in none."""
    if scope.is_all:
        return evidence
    return replace(evidence, items=tuple(item for item in evidence.items if not _is_of_others(item, scope)))


def news_within(news: Iterable[str], incident: Incident, scope: Scope) -> tuple[str, ...]:
    """Texts of news; one that speaks of something elsewhere says only that there is some."""
    if scope.is_all:
        return tuple(news)
    elsewhere = Elsewhere.of(incident, scope)
    return tuple(dict.fromkeys(elsewhere.or_else(line, NEWS_ELSEWHERE) for line in news))


def _judged(assessment: Assessment | None, elsewhere: Elsewhere, *, is_storm: bool) -> Assessment | None:
    if assessment is None:
        return None
    hidden, mentions = elsewhere.hidden, elsewhere.mentions
    # What a storm's lines name need not be among what it lists.
    wordless = is_storm and bool(hidden)
    return replace(
        assessment,
        headline=elsewhere.or_else(assessment.headline, ELSEWHERE),
        briefing=_brief(assessment, elsewhere, wordless=wordless),
        findings=tuple(
            one
            for one in assessment.findings
            if not wordless and one.subject not in hidden and not mentions(f"{one.statement} {one.names}")
        ),
        hypotheses=tuple(
            replace(
                one,
                because=elsewhere.clean(one.because),
                against=() if wordless else elsewhere.clean(one.against),
                next_step=elsewhere.or_else(one.next_step, ""),
            )
            for one in assessment.hypotheses
            if one.subject not in hidden and not mentions(one.statement)
        ),
        changes=tuple(
            replace(one, diff=tuple(field for field in one.diff if not mentions(f"{field.old} {field.new}")))
            for one in assessment.changes
            if one.subject not in hidden and not mentions(one.summary)
        ),
        similar=tuple(one for one in assessment.similar if one.subject not in hidden and not mentions(one.title)),
        blast_radius=tuple(one for one in assessment.blast_radius if one.subject not in hidden),
        subjects=tuple(subject for subject in assessment.subjects if subject not in hidden),
        guidance=_guided(assessment.guidance, elsewhere),
    )


def _guided(guidance: Guidance, elsewhere: Elsewhere) -> Guidance:
    """A playbook may measure a whole node or cluster and name whoever is the worst there, so no figure is told."""
    return replace(
        guidance,
        measured=(),
        notes=elsewhere.clean(guidance.notes),
        first_checks=elsewhere.clean(guidance.first_checks),
        runbooks=elsewhere.clean(guidance.runbooks),
    )


def _brief(assessment: Assessment, elsewhere: Elsewhere, *, wordless: bool) -> Briefing:
    """The same story, with "in another namespace" where a name would stand."""
    brief, or_else = assessment.briefing, elsewhere.or_else
    first = assessment.hypotheses[0] if assessment.hypotheses else None
    is_caused_elsewhere = first is not None and first.subject in elsewhere.hidden
    caused = f"{brief.cause_line.partition(':')[0]}: something {ELSEWHERE}"
    changed = {change.id for change in assessment.changes if change.subject in elsewhere.hidden}
    change = brief.change
    if change is not None and (change.change_id in changed or elsewhere.mentions(change.text)):
        change = None
    past = assessment.similar[0] if assessment.similar else None
    is_past_elsewhere = past is not None and past.subject in elsewhere.hidden
    return replace(
        brief,
        symptom=or_else(brief.symptom, ""),
        facts=elsewhere.clean(brief.facts),
        still=or_else(brief.still, ""),
        impact=or_else(brief.impact, f"seen {ELSEWHERE}"),
        cause_line=caused if is_caused_elsewhere else or_else(brief.cause_line, caused),
        because=() if wordless or is_caused_elsewhere else elsewhere.clean(brief.because),
        against="" if wordless else or_else(brief.against, ""),
        change=change,
        no_change=brief.no_change if change or not brief.change else f"a change {ELSEWHERE}",
        first_step=or_else(brief.first_step, ""),
        similar="" if is_past_elsewhere else or_else(brief.similar, ""),
        ruled_out=elsewhere.clean(brief.ruled_out),
        odd=or_else(brief.odd, ""),
    )


def _told(entry: TimelineEntry, elsewhere: Elsewhere) -> TimelineEntry:
    return replace(entry, text=elsewhere.or_else(entry.text, ELSEWHERE))


def _subjects(incident: Incident) -> Iterable[Subject]:
    yield from incident.subjects
    judged = incident.assessment
    if judged is not None:
        yield from judged.subjects
        for part in (judged.findings, judged.hypotheses, judged.changes, judged.blast_radius, judged.similar):
            yield from (one.subject for one in part)


def _is_foreign(alert: Alert, incident: Incident, scope: Scope) -> bool:
    cluster = alert.labels.get("cluster") or incident.cluster
    return scope.hides(Subject(cluster, alert.labels.get("namespace", ""), "", ""))


def _is_of_others(item: Item, scope: Scope) -> bool:
    """Also where an item without a namespace tells of one: a volume of its claim, a series by its label."""
    subject = item.subject
    if scope.hides(subject):
        return True
    told = ""
    if isinstance(item, ObjectState):
        told = ((item.body.get("spec") or {}).get("claimRef") or {}).get("namespace") or ""
    elif isinstance(item, Series):
        told = item.labels.get("namespace", "")
    return scope.hides(Subject(subject.cluster, str(told), "", ""))


def _names(subjects: Iterable[Subject]) -> set[str]:
    return {name for subject in subjects for name in (subject.name, namespace_of(subject))}


def _any(names: Iterable[str]) -> re.Pattern[str] | None:
    """Any of the names as a word, also where a pod's name begins with it; the longest first."""
    worth = sorted({name for name in names if len(name) >= _LEAST_NAME}, key=lambda name: (-len(name), name))
    if not worth:
        return None
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(re.escape(name) for name in worth)})(?![A-Za-z0-9])")


def _repeats(statement: str, line: str) -> bool:
    """Whether the line says it, in whole, by its end, or cut."""
    end = statement.partition(": ")[2]
    if statement in line or (len(end) >= _TELLING and end in line):
        return True
    start = line.rstrip("…")
    return line.endswith("…") and len(start) >= _TELLING and start in statement
