"""Images that cannot be pulled, and why: read from the container's wait and from its pull events."""

import re
from collections.abc import Iterable

from app.analyze.pod import Container, Pod
from app.analyze.wording import cut
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.incident import Finding
from app.domain.subject import Subject

_WAITING = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ImageInspectError",
        "ErrImageNeverPull",
        "InvalidImageName",
        "RegistryUnavailable",
    }
)
_QUOTED = re.compile(r'\\?"[^"]*"')
_IMAGE_LIMIT = 60
# The order decides: a failed look-up of the host also says "not found", a refused token also "denied".
_READINGS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("never_pull", re.compile(r"ErrImageNeverPull|pull policy of Never", re.IGNORECASE)),
    ("invalid_name", re.compile(r"InvalidImageName|parse image|invalid reference format", re.IGNORECASE)),
    (
        "registry_dns",
        re.compile(r"no such host|server misbehaving|temporary failure in name resolution", re.IGNORECASE),
    ),
    ("rate_limited", re.compile(r"toomanyrequests|rate limit|429 too many", re.IGNORECASE)),
    (
        "registry_unreachable",
        re.compile(
            r"connection refused|i/o timeout|deadline exceeded|no route to host|network is unreachable|x509|tls:"
            r"|connection reset|RegistryUnavailable|\b50[0234]\b|\bEOF\b|Client\.Timeout",
            re.IGNORECASE,
        ),
    ),
    (
        "pull_denied",
        re.compile(
            r"unauthorized|denied|authentication required|failed to authorize|forbidden|\b40[13]\b|no basic auth"
            r"|insufficient_scope",
            re.IGNORECASE,
        ),
    ),
    ("not_found", re.compile(r"not found|NotFound|manifest unknown|name unknown|does not exist", re.IGNORECASE)),
)
_WORDS = {
    "not_found": "image {image} does not exist in its registry",
    "pull_denied": "the registry refuses to hand out image {image}",
    "registry_unreachable": "the registry of image {image} does not answer",
    "registry_dns": "the registry's host of image {image} does not resolve",
    "rate_limited": "the registry's rate limit stops image {image}",
    "invalid_name": "image name {image} is not valid",
    "never_pull": "image {image} is not on the node and may not be pulled",
    "pull_failed": "image {image} cannot be pulled",
}


class ImagePull:
    """`image.*`, one finding for each workload and image."""

    name = "image_pull"

    def detect(self, world: World) -> Iterable[Finding]:
        """Only what waits now: a pull that failed and then worked is no finding."""
        for workload in world.workloads:
            waiting: dict[str, list[tuple[Pod, Container]]] = {}
            for pod in world.pods_of(workload):
                for container in pod.containers:
                    if container.waiting_reason in _WAITING:
                        waiting.setdefault(str(container.spec.get("image") or "?"), []).append((pod, container))
            for image, those in sorted(waiting.items()):
                yield _judged(world, workload, image, those)


def _judged(world: World, workload: Subject, image: str, waiting: list[tuple[Pod, Container]]) -> Finding:
    events = [e for e in world.events_about(workload, "Failed", "InspectFailed") if "image" in e.message.lower()]
    texts = [f"{container.waiting_reason} {container.waiting_message}" for _, container in waiting]
    reading = classify([*texts, *(event.message for event in events)])
    return finding(
        f"image.{reading}",
        workload,
        Severity.CRITICAL,
        _WORDS[reading].format(image=short_image(image)),
        onset_at=min((event.first_at for event in events), default=None),
        evidence=(*(pod.state.id for pod, _ in waiting), *(event.id for event in events)),
    )


def classify(texts: Iterable[str]) -> str:
    """The reason that the texts give together: `not_found`, `pull_denied`, …; `pull_failed` where none says."""
    said = " ".join(_without_names(one) for one in texts)
    return next((reading for reading, pattern in _READINGS if pattern.search(said)), "pull_failed")


def _without_names(message: str) -> str:
    """The image's own name stands in quotes, and again without; it may hold any of the words."""
    for quoted in sorted({one.strip('\\"') for one in _QUOTED.findall(message)} - {""}, key=len, reverse=True):
        message = message.replace(quoted, "")
    return message


def short_image(image: str) -> str:
    """The end of a reference, where the name and the tag stand."""
    if len(image) <= _IMAGE_LIMIT:
        return image
    return cut("…/" + image.rpartition("/")[2], _IMAGE_LIMIT)
