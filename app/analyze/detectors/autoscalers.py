"""Autoscalers that may not do what they want, and budgets that let no pod go."""

from collections.abc import Iterable, Iterator

from app.analyze.body import dig, integer, moment, text
from app.analyze.guards import autoscalers_of, budget_state, budgets_of, condition, is_blind, is_maxed_out
from app.analyze.wording import cut
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.evidence import ObjectState
from app.domain.incident import Finding
from app.domain.subject import Subject


class Autoscalers:
    """`autoscaler.maxed_out`, `autoscaler.no_metrics`, and `disruption.none_allowed` as a note."""

    name = "autoscalers"

    def detect(self, world: World) -> Iterable[Finding]:
        """Those of what the alert is about, which may be an autoscaler itself."""
        for subject in world.focus:
            own = world.find(subject) if subject.kind == "HorizontalPodAutoscaler" else None
            for scaler in (own,) if own else autoscalers_of(world, subject):
                yield from _judged(subject, scaler)
            # Where pods are sick, that no other may go follows from it.
            for budget in budgets_of(world, subject) if world.is_whole(subject) else ():
                if integer(dig(budget.body, "status", "disruptionsAllowed")) == 0:
                    words = f"disruption budget {budget.subject.name} {budget_state(budget)}"
                    yield finding("disruption.none_allowed", subject, Severity.INFO, words, evidence=(budget.id,))


def _judged(subject: Subject, scaler: ObjectState) -> Iterator[Finding]:
    name = scaler.subject.name
    if is_blind(scaler):
        active = condition(scaler, "ScalingActive")
        statement = cut(
            f"autoscaler {name} sees no metrics: {text(active.get('message')) or text(active.get('reason'))}"
        )
        yield _found("autoscaler.no_metrics", subject, scaler, (statement, "ScalingActive"))
    elif is_maxed_out(scaler):
        most = integer(dig(scaler.body, "spec", "maxReplicas"))
        statement = f"autoscaler {name} would run more than its maximum of {most} replicas"
        yield _found("autoscaler.maxed_out", subject, scaler, (statement, "ScalingLimited"))


def _found(kind: str, subject: Subject, scaler: ObjectState, said: tuple[str, str]) -> Finding:
    statement, since = said
    onset = moment(condition(scaler, since).get("lastTransitionTime"))
    return finding(kind, subject, Severity.WARNING, statement, onset_at=onset, evidence=(scaler.id,))
