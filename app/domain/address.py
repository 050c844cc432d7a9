"""What an address or a name in the settings must look like; each check gives the value back or raises `ValueError`."""

import re
from ipaddress import ip_network

# Names with wildcards, a leading minus to leave one out, a remote cluster before a colon; nothing that leads elsewhere.
_INDEX = re.compile(r"-?\.?[^\s\\/?\"<>|#,%&_.-][^\s\\/?\"<>|#,%&]{0,253}")


def http_url(url: str) -> str:
    """An address without the slash at its end."""
    if not url.startswith(("http://", "https://")):
        message = "must start with http:// or https://"
        raise ValueError(message)
    return url.rstrip("/")


def network(text: str) -> str:
    """A network of IP addresses."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        message = "must be a network such as 10.0.0.0/8"
        raise ValueError(message) from None
    return text


def index_pattern(text: str) -> str:
    """A comma list of Elasticsearch's index patterns: it becomes a part of a path."""
    if not all(_INDEX.fullmatch(part) for part in text.split(",")):
        message = "must be index patterns such as logs-*,filebeat-*"
        raise ValueError(message)
    return text
