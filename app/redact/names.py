"""Which names announce a secret, and which values under such a name are none."""

import re
from functools import lru_cache

from app.redact.marker import OPENING

# Found inside a name, in any case: `dbPassword`, `X-Vault-Token`, `aws_secret_access_key`.
STEM = (
    r"passw|passphrase|passcode|pwd|secret|token|credential|(?<![a-z])creds?(?![a-z])"
    r"|(?:api|app|application|access|account|admin|auth|client|db|deploy|encryption|hmac|integration|license|master"
    r"|private|routing|rsa|secret|service|session|shared|signing|ssh|storage|subscription|webhook)[_-]?key"
    r"|(?:api|access|private)[ ]key"
    r"|conn[a-z]{0,7}[_-]?str(?:ing)?|shared-?access-?signature|slack-signature|csrf|(?<![a-z])otp(?![a-z])"
    r"|(?:(?<![a-z])|db|key|mail|root|smtp|user)_?pass(?![\w.-])|(?<![a-z])pw(?![\w.-])"
)
_STEM = re.compile(STEM, re.IGNORECASE)
_PASSWORD_STEM = re.compile(r"pass|pwd|pw$|secret", re.IGNORECASE)

# Names that end so say something about a secret, not the secret itself.
_ABOUT = re.compile(
    r"(?:name|names|ref|refs|count|counts|total|expiry|expires|expired|expiration|type|id|ids|policy|ttl|length"
    r"|seconds|bytes|status|version|enabled|notfound|error|errors|exception|invalid|missing|reviews?|max_?tokens"
    r"|imagepullsecrets?|projected|reason|algorithm|issuer|url|endpoint|host|port)\Z",
    re.IGNORECASE,
)
# A workload's name (`token-service`, `secret-operator-7d9f`) has such a part, and does not end in a word for a secret.
_WORKLOAD = re.compile(
    r"-(?:service|svc|api|server|worker|operator|controller|manager|store|gateway|proxy|agent|broker|reset|web|app"
    r"|job|provisioner|driver|webhook|exchange|generator)(?![a-z])(?!.*(?:key|token|secret|password|pwd)\Z)",
    re.IGNORECASE,
)
_HARMLESS_VALUE = re.compile(
    r"(?:true|false|null|none|nil|undefined|yes|no|on|off|\*{2,}|x{3,}|\.{3}|-|redacted|<[a-z_ -]{0,30}>|is|was|has|not"
    r"|the|a|an|invalid|expired|missing|unexpected|expected|failed|unauthorized|forbidden|required|empty|cannot|could"
    r"|error|unable|found|illegal|context|permission|rpc|unknown|malformed|signature|authentication"
    r"|\$[({][A-Za-z_][\w.:-]{0,80}[)}]{0,2}|\{\{.{0,80})\Z",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?\d{1,11}(?:\.\d{1,30})?(?:ms|s|m|h|d)?\Z")
_SHORT_NUMBER = re.compile(r"\d{1,3}\Z")
_KUBERNETES_SECRET = re.compile(
    r"(?:[a-z0-9-]{1,63}/)?[a-z]{1,20}(?:-[a-z]{1,20}){0,6}"
    r"-(?:tls|cert|certs|secret|secrets|credentials|creds|token|config|ca|keys?|auth|password)\Z"
)
_PATH = re.compile(r"/[\w./-]{1,200}\Z")


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether what stands under this name is a secret, so far as a name can tell."""
    short = name[-200:]
    return bool(_STEM.search(short)) and not _ABOUT.search(short) and not _WORKLOAD.search(short)


def is_secret_value(name: str, value: str) -> bool:
    """Whether this value, under a secret name, is one: not a flag, a count, a reference or already a marker."""
    value = value.strip()
    if not value or value.startswith(OPENING) or _HARMLESS_VALUE.match(value):
        return False
    if _SHORT_NUMBER.match(value):
        return False
    if _NUMBER.match(value):
        # A password may be all digits; what a "token" counts is a number.
        return bool(_PASSWORD_STEM.search(name))
    if name.lower() in {"secret", "secrets", "existingsecret"}:
        return not _KUBERNETES_SECRET.match(value)
    return not (name.lower().endswith(("file", "path", "dir")) and _PATH.match(value))
