"""How a webhook's body looks, for OpenAPI: what is checked is checked in `ingest`, one alert at a time."""

from typing import Any

_LABELS = {"type": "object", "additionalProperties": {"type": "string"}}
_TIME = {"type": "string", "description": "RFC 3339; for `endsAt` year 1 means not known"}
_ALERT: dict[str, Any] = {
    "title": "Alert",
    "type": "object",
    "required": ["labels"],
    "properties": {
        "status": {"type": "string", "enum": ["firing", "resolved"]},
        "labels": _LABELS,
        "annotations": _LABELS,
        "startsAt": _TIME,
        "endsAt": _TIME,
        "generatorURL": {"type": "string"},
        "fingerprint": {"type": "string", "description": "16 hex digits; anything else is replaced by our own"},
    },
}
_PAYLOAD: dict[str, Any] = {
    "title": "WebhookPayload",
    "type": "object",
    "required": ["alerts"],
    "description": "As Alertmanager sends it; at least one of `version` and `groupKey` must be there.",
    "properties": {
        "version": {"description": "4"},
        "groupKey": {"type": ["string", "null"]},
        "receiver": {"type": ["string", "null"]},
        "status": {"type": ["string", "null"]},
        "groupLabels": {**_LABELS, "type": ["object", "null"]},
        "commonLabels": {**_LABELS, "type": ["object", "null"]},
        "commonAnnotations": {},
        "externalURL": {"type": ["string", "null"]},
        "truncatedAlerts": {"description": "a whole number"},
        "alerts": {
            "type": "array",
            # An alert that is none costs only itself, so a schema must let it pass.
            "items": {"anyOf": [_ALERT, {"description": "refused, and listed among `rejected`"}]},
        },
    },
}
WEBHOOK_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _PAYLOAD}}},
}
