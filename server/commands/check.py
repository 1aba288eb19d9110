"""`watersmeet check`: validates the configuration, connects to each source, reports roles that can do too much."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping

from auth.authenticator import Authenticator
from server.app import open_sources
from server.commands.calibration import FEWEST, calibrate, store
from server.config import load, schema
from watersmeet.spi import Source, SourceError


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
            print(f"{name}: ok ({source.kind}, {seconds * 1000:.1f} ms{_path(source)})")
            for warning in warnings:
                print(f"{name}: warning: {warning}", file=sys.stderr)
        if options.calibrate and not failed:
            _calibrate(options, sources)
    return 1 if failed else 0


def _path(source: Source) -> str:
    """The way rows take from the source to Arrow, where there are several."""
    way = getattr(source, "decoder", None)
    return f", {way}" if way else ""


def _calibrate(options: argparse.Namespace, sources: Mapping[str, Source]) -> None:
    found = {}
    for name, source in sources.items():
        speeds = calibrate(source)
        if speeds:
            found[name] = speeds
            print(f"{name}: " + ", ".join(f"{key} {value:g}" for key, value in speeds.items()) + " (microseconds)")
        else:
            print(f"{name}: no table of {FEWEST:,} rows to measure with; the defaults stay")
    if found:
        store(options.config, found)
        print(f"stored in {options.config} as sources.<name>.speed")
