"""Loki: a subject's error lines around the onset, counted by shape, against the hour before."""

from app.gather.sources.loki.source import LokiSource

__all__ = ["LokiSource"]
