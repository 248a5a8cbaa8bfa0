"""Webhooks: the changes of the feed, sent to the URLs of subscribers (Standard Webhooks)."""
