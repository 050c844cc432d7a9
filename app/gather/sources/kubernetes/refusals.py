"""What the API server refuses, in plain words."""

import msgspec

from app.domain.errors import SourceError
from app.gather.http_answer import SICK_STATUS
from app.gather.sources.kubernetes.cluster_shapes import Status
from app.gather.text import storable_json
from app.redact import redact


class RefusedError(SourceError):
    """An answer other than 200: `status` and what the API says about it, redacted."""

    def __init__(self, sentence: str, status: int, said: str = "", *, reason: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.said = said
        self.reason = reason
        self.fresh_token = ""

    @property
    def object_missing(self) -> bool:
        """The API answered, and there is no such object."""
        return self.status == 404 and self.reason == "NotFound"  # noqa: PLR2004 - an HTTP status


KUBELET_AWAY = "kubelet of its node cannot be reached"


def refused(what: str, status: int, body: bytes) -> RefusedError:
    """An answer of the API in plain words; `what` was asked: "list events in shop"."""
    answer = _status(body)
    said, reason = redact(answer.message or "")[:300], answer.reason or ""
    error = RefusedError(_sentence(what, status, said), status, said, reason=reason)
    about_a_node = error.args[0].startswith(KUBELET_AWAY)
    error.source_is_sick = status in SICK_STATUS or (status >= 500 and not about_a_node)  # noqa: PLR2004 - HTTP
    error.fresh_token = (answer.metadata.continue_ if answer.metadata else None) or ""
    return error


def _status(body: bytes) -> Status:
    try:
        answer = msgspec.json.decode(storable_json(body), type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Status()  # a proxy's page or plain text: the status alone speaks
    return answer if answer.kind == "Status" else Status()


def _sentence(what: str, status: int, said: str) -> str:
    sentences = {
        401: "token refused (401)",
        403: f"no permission to {what} (403)",
        404: f"{what}: not found (404)",
        429: "API server is overloaded (429)",
    }
    if status in sentences:
        return sentences[status]
    if "10250" in said or "dial tcp" in said:
        return f"{KUBELET_AWAY} ({status})"
    words = f": {said}" if said else ""
    return f"{what} answered {status}{words}"[:200]
