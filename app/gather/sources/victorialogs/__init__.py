"""VictoriaLogs: a subject's error lines around the onset, counted by shape, against samples of the usual time."""

from app.gather.sources.victorialogs.source import VictoriaLogsSource

__all__ = ["VictoriaLogsSource"]
