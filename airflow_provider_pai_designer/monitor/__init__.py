"""Watching runs until they end."""

from __future__ import annotations
