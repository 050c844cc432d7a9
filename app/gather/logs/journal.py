"""A node's own log: which of its system services are asked about, and by which names a node is known."""

from ipaddress import ip_address
from typing import Final

# What runs containers on a node, by the names that distributions give it. RE2, over a whole name.
UNITS: Final = "(kubelet|containerd|crio|cri-o|docker|dockerd|k3s|k3s-agent|rke2-server|rke2-agent|k0s.*)([.]service)?"
KERNEL: Final = "kernel"


def hosts_of(node: str) -> tuple[str, ...]:
    """The node's name, and its short form: a journal has the host's name, a cluster may know the long one."""
    short = node.partition(".")[0]
    return (node,) if short in {node, ""} or _is_address(node) else (node, short)


def service_of(unit: str) -> str:
    """`kubelet.service` is kubelet; what has no unit is the kernel's."""
    return unit.removesuffix(".service") or KERNEL


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
