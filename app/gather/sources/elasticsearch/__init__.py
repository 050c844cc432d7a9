"""Elasticsearch and OpenSearch: a subject's error lines around the onset, counted by shape."""

from app.gather.sources.elasticsearch.source import ElasticsearchSource

__all__ = ["ElasticsearchSource"]
