"""What the front itself refuses a call with, before anybody below has seen it.

FlightError                 2100
 +- BadRequest              2101  the bytes of a call are not what Flight SQL says they are
 +- NotImplementedHere      2102  a part of Flight SQL that this server does not have
 +- BadParameters           2103  bound values do not fit the statement: count, type, rows
 +- TokenRefused            2104  a ticket, handle or cookie that is altered, foreign, expired or another subject's
 +- NoSession               2105  SET, RESET or USE from a client that keeps no cookie, or against a header of its own
 +- WrongWay                2106  a change sent as a query, or a query sent as an update
 +- TooManyStreams          5101  as many answers are being streamed as may be
 +- TooManyCalls            5102  as many other calls are running as may be
 +- TooLarge                5103  parameters above their cap
 +- ServerEnding            5104  the server is about to end: it takes no new calls, and ends running ones
"""

from __future__ import annotations


class FlightError(Exception):
    """Root of the front's own errors."""

    code = 2100

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(FlightError):
    code = 2101


class NotImplementedHere(FlightError):
    code = 2102


class BadParameters(FlightError):
    code = 2103


class TokenRefused(FlightError):
    code = 2104


class NoSession(FlightError):
    code = 2105


class WrongWay(FlightError):
    code = 2106


class TooManyStreams(FlightError):
    code = 5101


class TooManyCalls(FlightError):
    code = 5102


class TooLarge(FlightError):
    code = 5103


class ServerEnding(FlightError):
    code = 5104
