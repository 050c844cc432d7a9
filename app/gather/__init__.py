"""Questions to sources, asked at once; answers as Evidence."""
