"""Slack: with a bot token in full, by an incoming webhook as the poorer way."""

from app.notify.notifiers.slack.bot import SlackNotifier
from app.notify.notifiers.slack.webhook import SlackWebhookNotifier

__all__ = ["SlackNotifier", "SlackWebhookNotifier"]
