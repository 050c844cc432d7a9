"""Whole cases, from what was gathered to what is judged."""

from dataclasses import replace

from app.domain.change import Change
from app.domain.evidence import Gap, Item
from app.domain.incident import Case
from app.domain.subject import Subject
from tests.builders import (
    alert,
    case,
    container_status,
    deployment,
    deployment_state,
    ended,
    node,
    pod,
    pod_subject,
    replica_set,
    rollout,
    series,
    state,
)

MEBIBYTE = 1024.0**2
HALVED = ("containers[app].resources.limits.memory", "512Mi", "256Mi")
NEW_IMAGE = ("containers[app].image", "shop/checkout:1.4.1", "shop/checkout:1.4.2")


def killed_pods() -> list[Item]:
    looping = {"reason": "CrashLoopBackOff", "message": "back-off"}
    pods = [
        pod(
            f"checkout-6d4f8b9c77-x2x9{number}",
            age_minutes=16,
            statuses=[
                container_status(
                    waiting=looping if number < 2 else None, last=ended(137, "OOMKilled", minutes_ago=1), restarts=2
                )
            ],
        )
        for number in range(3)
    ]
    return [*pods, replica_set(), deployment_state(replicas=3), node()]


def oom_after_rollout(*diffs: tuple[str, str, str]) -> Case:
    return case(
        *killed_pods(),
        rollout(*(diffs or (HALVED, NEW_IMAGE))),
        series("memory_working_set", [200 * MEBIBYTE, 255 * MEBIBYTE, 255 * MEBIBYTE], "bytes"),
        series("memory_working_set_usual", [380 * MEBIBYTE, 410 * MEBIBYTE], "bytes", days_ago=1),
        series("error_ratio", [0.003, 0.084, 0.084, 0.084], "ratio"),
        series("error_ratio_usual", [0.003, 0.003], "ratio", days_ago=1),
        series("request_rate", [100, 101, 99], "per_second"),
        series("request_rate_usual", [100, 98, 100], "per_second", days_ago=1),
        series("restarts", [0, 1, 2, 3, 4, 5, *[6] * 8]),
        gaps=[Gap("loki", "errors of shop/checkout", "no answer in 4 s")],
    )


def first_rollout(subject: Subject) -> Change:
    """Long ago; that it is there shows that the history was answered."""
    return replace(rollout(minutes_ago=9 * 1440, subject=subject, revision=7), summary="first rollout 7: image a:1")


def slow(*more: Item) -> Case:
    payments = deployment("payments")
    about = {"subject": payments}
    healthy = state(pod_subject("payments-1"), pod("payments-1", owner=("Deployment", "payments")).body)
    return case(
        healthy,
        deployment_state("payments"),
        first_rollout(payments),
        node(),
        series("latency_p95", [0.4] * 8 + [2.9] * 6, "seconds", **about),
        series("latency_p95_usual", [0.4] * 6, "seconds", days_ago=1, **about),
        series("error_ratio", [0.003] * 14, "ratio", **about),
        series("error_ratio_usual", [0.003] * 6, "ratio", days_ago=1, **about),
        series("request_rate", [100] * 8 + [82] * 6, "per_second", **about),
        series("request_rate_usual", [100] * 6, "per_second", days_ago=1, **about),
        *more,
        subjects=[payments],
        alerts=[alert("PaymentsSlow")],
    )
