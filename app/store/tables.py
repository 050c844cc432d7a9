"""The tables, as SQLAlchemy sees them; migrations/ makes them, and a test holds the two together."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR, UUID

metadata = MetaData()
_instant = DateTime(timezone=True)
_now = text("now()")

alert_group = Table(
    "alert_group",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("sender", Text, nullable=False),
    Column("cluster", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("group_sha", LargeBinary, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("content_hash", LargeBinary),
    Column("episodes", Integer, nullable=False, server_default=text("0")),
    Column("posted_at", _instant, nullable=False, server_default=_now),
    Column("parts", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("dedup_sha", LargeBinary),
    Column("fired_at", ARRAY(_instant), nullable=False, server_default=text("'{}'")),
    UniqueConstraint("sender", "cluster", "receiver", "group_sha", name="alert_group_identity"),
)

incident = Table(
    "incident",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("parent_id", UUID, ForeignKey("incident.id")),
    Column("month", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("enrichment", Text, nullable=False, server_default=text("'pending'")),
    Column("wanted_rev", Integer, nullable=False, server_default=text("1")),
    Column("enriched_rev", Integer, nullable=False, server_default=text("0")),
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("parked", Text),
    Column("received_at", _instant, nullable=False, server_default=_now),
    Column("accepted_ms", Integer, nullable=False, server_default=text("0")),
    Column("started_at", _instant, nullable=False),
    Column("onset_at", _instant),
    Column("announced_at", _instant),
    Column("first_notified_at", _instant),
    Column("resolved_at", _instant),
    Column("alertname", Text, nullable=False),
    Column("cluster", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("workload", Text, nullable=False),
    Column("cause", Text),
    Column("title", Text, nullable=False),
    Column("headline", Text, nullable=False),
    Column("reported", JSONB, nullable=False),
    Column("subjects", JSONB, nullable=False),
    Column("resolution", JSONB),
    Column("search", TSVECTOR),
    Column("storm", Text),
    Column("times_today", Integer, nullable=False, server_default=text("1")),
    Column("failure", Text),
)
Index("incident_parked", incident.c.id, postgresql_where=incident.c.parked.is_not(None))
Index("incident_unannounced", incident.c.received_at, postgresql_where=incident.c.announced_at.is_(None))
Index("incident_behind", incident.c.id, postgresql_where=incident.c.wanted_rev > incident.c.enriched_rev)
Index("incident_search", incident.c.search, postgresql_using="gin")
Index("incident_newest", incident.c.started_at.desc(), incident.c.id.desc())
Index("incident_alertname", incident.c.alertname, incident.c.started_at.desc())
Index("incident_workload", incident.c.namespace, incident.c.workload, incident.c.started_at.desc())
Index(
    "incident_open_storm",
    incident.c.storm,
    unique=True,
    postgresql_where=text("storm is not null and state = 'firing'"),
)
Index("incident_storm", incident.c.id, postgresql_where=incident.c.storm.is_not(None))
Index("incident_parent", incident.c.parent_id, postgresql_where=incident.c.parent_id.is_not(None))
Index("incident_cause", incident.c.cause, incident.c.started_at.desc())
Index("incident_cause_family", incident.c.cause, postgresql_ops={"cause": "text_pattern_ops"})
Index("incident_cluster", incident.c.cluster, incident.c.started_at.desc())
Index("incident_severity", incident.c.severity, incident.c.started_at.desc())
Index(
    "incident_firing",
    incident.c.started_at.desc(),
    incident.c.id.desc(),
    postgresql_where=text("state = 'firing'"),
)

group_episode = Table(
    "group_episode",
    metadata,
    Column("group_id", BigInteger, ForeignKey("alert_group.id"), primary_key=True),
    Column("episode", Integer, primary_key=True),
    Column("incident_id", UUID, ForeignKey("incident.id"), nullable=False),
    Column("state", Text, nullable=False),
)
Index(
    "group_episode_open",
    group_episode.c.group_id,
    unique=True,
    postgresql_where=text("state = 'firing'"),
)
Index("group_episode_incident", group_episode.c.incident_id)

story_key = Table(
    "story_key",
    metadata,
    Column("key", Text, primary_key=True),
    Column("incident_id", UUID, primary_key=True),
    Column("at", _instant, nullable=False, server_default=_now),
    Column("storm", Text),
    Column("at_least", Integer),
)
Index("story_key_recent", story_key.c.key, story_key.c.at)
Index("story_key_incident", story_key.c.incident_id)

alert = Table(
    "alert",
    metadata,
    Column("month", Date, primary_key=True),
    Column("incident_id", UUID, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("starts_at", _instant, primary_key=True),
    Column("ended_at", _instant),
    Column("labels", JSONB, nullable=False),
    Column("annotations", JSONB, nullable=False),
    Column("generator_url", Text, nullable=False),
)

record = Table(
    "record",
    metadata,
    Column("month", Date, primary_key=True),
    Column("incident_id", UUID, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("written_at", _instant, nullable=False, server_default=_now),
    Column("summary", JSONB, nullable=False),
    Column("evidence", LargeBinary, nullable=False),
)

timeline = Table(
    "timeline",
    metadata,
    Column("month", Date, primary_key=True),
    Column("incident_id", UUID, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("at", _instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("source", Text, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("incident_id", UUID, ForeignKey("incident.id"), primary_key=True),
    Column("notifier", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("part", Text, primary_key=True),
    Column("state", Text, nullable=False, server_default=text("'due'")),
    Column("wanted", Integer, nullable=False, server_default=text("1")),
    Column("shown", Integer, nullable=False, server_default=text("0")),
    Column("digest", Text),
    Column("nonce", UUID, nullable=False),
    Column("reference", Text),
    Column("may_repeat", SmallInteger, nullable=False, server_default=text("0")),
    Column("lease", UUID),
    Column("lease_until", _instant),
    Column("due_at", _instant, nullable=False, server_default=_now),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("searches", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    Column("created_at", _instant, nullable=False, server_default=_now),
)
Index(
    "delivery_due",
    delivery.c.notifier,
    delivery.c.target,
    delivery.c.due_at,
    postgresql_where=text("state not in ('parked', 'shown')"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", UUID, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("until", _instant, nullable=False),
)

rejected = Table(
    "rejected",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("received_at", _instant, nullable=False, server_default=_now),
    Column("sender", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body_sha", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("seen", Integer, nullable=False, server_default=text("1")),
    Column("last_seen_at", _instant, nullable=False, server_default=_now),
    UniqueConstraint("body_sha", name="rejected_body"),
)
Index("rejected_newest", rejected.c.last_seen_at.desc())

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seen_at", _instant, nullable=False, server_default=func.now()),
)

log_bytes = Table(
    "log_bytes",
    metadata,
    Column("key", Text, primary_key=True),
    Column("bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("read_at", _instant, nullable=False, server_default=_now),
)

change = Table(
    "change",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("source", Text, nullable=False),
    Column("dedup_key", LargeBinary),
    Column("at", _instant, nullable=False),
    Column("seen_at", _instant, nullable=False, server_default=_now),
    *(Column(name, Text, nullable=False) for name in ("cluster", "namespace", "kind", "name", "change", "summary")),
    Column("diff", JSONB, nullable=False),
    Column("actor", Text, nullable=False),
)
Index("change_dedup", change.c.dedup_key, unique=True, postgresql_where=text("dedup_key is not null"))
Index("change_place", change.c.cluster, change.c.namespace, change.c.at.desc())
Index("change_old", change.c.at)

watched = Table(
    "watched",
    metadata,
    *(Column(name, Text, primary_key=True) for name in ("cluster", "kind", "namespace", "name")),
    Column("uid", Text, nullable=False),
    Column("fields", JSONB, nullable=False),
    Column("changed_at", _instant),
    Column("recent_changes", Integer, nullable=False, server_default=text("0")),
)

watch_scope = Table(
    "watch_scope",
    metadata,
    *(Column(name, Text, primary_key=True) for name in ("cluster", "kind", "namespace")),
    Column("since", _instant),
    Column("seen_at", _instant, nullable=False, server_default=_now),
    Column("trouble", Text),
)

installation = Table(
    "installation",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
