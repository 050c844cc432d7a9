"""Kubernetes: state, events, container logs and rollout history, read from the API server."""

from app.gather.sources.kubernetes.connection import Connection
from app.gather.sources.kubernetes.source import KubernetesSource

__all__ = ["Connection", "KubernetesSource"]
