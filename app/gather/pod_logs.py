"""Which logs of a pod are worth reading: those of its bad containers, and of the run before the present one."""

from app.domain.evidence import ObjectState
from app.domain.query import Query
from app.gather import questions
from app.gather.symptoms import containers_of


def logs_of(pod: ObjectState, *, only_ended: bool) -> list[Query]:
    """Of a pod whose containers are all well the last one's; `only_ended`: where a run ended, that one says enough."""
    looks = [look for look in containers_of(pod) if look.ran]
    bad = [look for look in looks if look.bad]
    queries: list[Query] = []
    for look in bad or looks[-1:]:
        if not (look.had_run_before and only_ended):
            queries.append(questions.log(pod.subject, look.name, previous=False))
        if look.had_run_before:
            queries.append(questions.log(pod.subject, look.name, previous=True))
    return queries
