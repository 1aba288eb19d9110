"""watersmeet: a stateless Arrow Flight SQL federation server."""

__version__ = "0.1.0"
