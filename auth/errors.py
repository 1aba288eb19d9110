"""What authentication and access refuse a caller with.

AuthError                4000
 +- MissingCredentials   4001  a call without credentials where they are needed
 +- InvalidToken         4002  a bearer token that this server does not accept; says which check failed, never the token
 +- ExpiredToken         4003  a good token whose time is over: ask for a new one
 +- WrongPassword        4004  unknown user or wrong password: never says which
 +- NotAllowed           4005  the subject is known, but may not do this
 +- CannotSign           4006  no configured key can sign tokens
"""

from __future__ import annotations


class AuthError(Exception):
    """Root of the errors of authentication; the message is fit for the caller and holds no secret."""

    code = 4000

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class MissingCredentials(AuthError):
    code = 4001


class InvalidToken(AuthError):
    code = 4002


class ExpiredToken(AuthError):
    code = 4003


class WrongPassword(AuthError):
    code = 4004


class NotAllowed(AuthError):
    code = 4005


class CannotSign(AuthError):
    code = 4006
