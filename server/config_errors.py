"""What is wrong with a configuration.

ConfigError      1000  root
 +- Unreadable   1001  the file cannot be read or is not YAML
 +- Invalid      1002  keys or values that are wrong
"""

from __future__ import annotations


class ConfigError(Exception):
    """The configuration cannot be used. The message has a line for each problem, and shows no values."""

    code = 1000


class Unreadable(ConfigError):
    code = 1001


class Invalid(ConfigError):
    code = 1002
