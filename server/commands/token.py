"""`watersmeet token create`: signs a bearer token with the configured key."""

from __future__ import annotations

import argparse
from datetime import timedelta

from auth.tokens import Tokens
from server.client.failure import CommandFailed
from server.config import load
from watersmeet.units import parse_duration


def run(options: argparse.Namespace) -> int:
    try:
        ttl = timedelta(seconds=parse_duration(options.ttl))
    except (ValueError, OverflowError):
        raise CommandFailed(f"--ttl {options.ttl}: write a duration such as 30m, 8h or 7d", 2) from None
    if not (ttl and options.subject):
        raise CommandFailed("nobody could use this token: give --subject a name, and --ttl more than 0", 2)
    config = load(options.config)
    if config.auth.tokens is None:
        raise CommandFailed("WM-1004: there is no key to sign with: add auth.tokens.keys to the configuration")
    print(Tokens(config.auth.tokens).sign(options.subject, options.role, ttl))
    return 0
