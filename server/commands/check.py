"""`watersmeet check`: validates the configuration, connects to each source, and reports roles that can do too much."""

from __future__ import annotations

import argparse
import json
import sys

from auth.authenticator import Authenticator
from server.app import open_sources
from server.config import load, schema
from watersmeet.spi import SourceError


def run(options: argparse.Namespace) -> int:
    if options.schema:
        print(json.dumps(schema(), indent=2))
        return 0
    config = load(options.config)
    Authenticator(config.auth)
    print(f"{options.config}: ok")
    if options.offline:
        return 0
    failed = False
    with open_sources(config) as sources:
        for name, source in sources.items():
            try:
                seconds = source.probe()
                warnings = source.warnings()
            except SourceError as error:
                failed = True
                print(f"{name}: WM-{error.code}: {error.message}", file=sys.stderr)
                continue
            print(f"{name}: ok ({source.kind}, {seconds * 1000:.1f} ms)")
            for warning in warnings:
                print(f"{name}: warning: {warning}", file=sys.stderr)
    return 1 if failed else 0
