"""One incident across three namespaces, and all that a channel or token for `shop` must not learn of the others."""

from dataclasses import replace
from datetime import timedelta

from app.domain.alert import Alert, AlertStatus, Severity
from app.domain.change import Change, FieldDiff
from app.domain.evidence import Evidence, LogPattern, ObjectState, Series
from app.domain.incident import BlastRadiusEntry, Briefing, ChangeNote, Finding, Hypothesis, Incident, TimelineEntry
from app.domain.subject import Subject
from tests.scenarios.incidents import CHECKOUT, ONSET, oom_after_rollout

LEDGER = Subject("prod", "pay", "Deployment", "ledger")
BILLING = Subject("prod", "bills", "StatefulSet", "billing")
SECRET_LINE = "could not charge account of Ada Lovelace: vault sealed"
FOREIGN = ("ledger", "billing", "pay", "bills", "Ada", "vault", "pgpool")
"""What stands nowhere in what `shop` is shown."""


def _alert(name: str, namespace: str, deployment: str) -> Alert:
    labels = {"alertname": name, "severity": "critical", "namespace": namespace, "deployment": deployment}
    return Alert(f"{deployment:0<16}", AlertStatus.FIRING, labels, {"summary": f"{deployment} is ill"}, ONSET, None)


def across() -> Incident:
    """The checkout fails because the ledger of another namespace does, which logs what nobody else may read."""
    base = oom_after_rollout()
    assert base.assessment
    logged = Finding("f7", "log.new_error", LEDGER, Severity.CRITICAL, f"ledger logs a new error: {SECRET_LINE}")
    ours = Finding("f8", "symptom.errors", CHECKOUT, Severity.WARNING, "checkout answers 5xx")
    naming = Finding("f9", "symptom.dependency", CHECKOUT, Severity.WARNING, "checkout cannot reach ledger-0.pay.svc")
    change = Change("c9", LEDGER, ONSET - timedelta(minutes=2), "rollout", "rollout 9: image pgpool 2")
    own = replace(
        base.assessment.changes[0],
        diff=(FieldDiff("env.LEDGER", "http://ledger.pay:80", None), FieldDiff("image", "a", "b")),
    )
    briefing = Briefing(
        symptom="calls to ledger fail",
        facts=("3 of 9 pods ready", f"new: {SECRET_LINE}"),
        still="still failing",
        impact="billing is late",
        cause_line="Likely: ledger in pay cannot open the vault",
        because=(SECRET_LINE, "began 2 min after rollout 9 of ledger"),
        against="none found (nodes ok)",
        change=ChangeNote(change.at, "image pgpool 2", "c9"),
        no_change="",
        first_step="kubectl -n pay logs deploy/ledger",
        similar="Like 3 Oct: rollback of ledger fixed it",
    )
    first = Hypothesis(1, LEDGER, "config.missing", f"ledger: {SECRET_LINE}", "high", 0.9, (SECRET_LINE,), (), ("e1",))
    second = Hypothesis(
        2, CHECKOUT, "memory.limit", "checkout is near its limit", "low", 0.2, ("used 255Mi", "ledger-0 was slow"), ()
    )
    assessment = replace(
        base.assessment,
        headline=f"ledger fails: {SECRET_LINE}; checkout and billing with it",
        briefing=briefing,
        findings=(logged, ours, naming),
        hypotheses=(first, second),
        changes=(change, own),
        blast_radius=(
            BlastRadiusEntry(BILLING, "calls it", "failing"),
            BlastRadiusEntry(CHECKOUT, "calls it", "failing"),
        ),
        subjects=(CHECKOUT, LEDGER),
    )
    return replace(
        base,
        title="ErrorsHigh pay/ledger",
        headline=assessment.headline,
        alertname="ErrorsHigh",
        alerts=(_alert("ErrorsHigh", "shop", "checkout"), _alert("ErrorsHigh", "pay", "ledger")),
        subjects=(LEDGER, CHECKOUT),
        assessment=assessment,
        gaps=(),
        timeline=(
            TimelineEntry(ONSET, "alert.firing", "ErrorsHigh fires for pay/ledger", "alertmanager"),
            TimelineEntry(ONSET, "alert.firing", "ErrorsHigh fires for shop/checkout", "alertmanager"),
        ),
    )


def evidence() -> Evidence:
    """Items of `shop`, of a node, and of others by their subject, their label and their claim."""
    node = Subject("prod", "", "Node", "node-3")
    series = [Series(f"s{n}", CHECKOUT, "errors", "x", "", {"namespace": n}, ((1.0, 1.0),)) for n in ("shop", "pay")]
    volumes = [
        ObjectState(
            f"v{n}", Subject("prod", "", "PersistentVolume", f"v{n}"), ONSET, {"spec": {"claimRef": {"namespace": n}}}
        )
        for n in ("shop", "pay")
    ]
    lines = [
        LogPattern(f"l{who.name}", who, text, 1, 0, ONSET, ONSET, (text,))
        for who, text in ((CHECKOUT, "our line"), (LEDGER, SECRET_LINE))
    ]
    return Evidence.seen([ObjectState("n", node, ONSET, {}), *series, *volumes, *lines])
