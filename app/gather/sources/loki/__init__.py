"""Loki: a subject's error lines around the onset, counted by shape, against samples of the usual time."""

from app.gather.sources.loki.source import LokiSource

__all__ = ["LokiSource"]
