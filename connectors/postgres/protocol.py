"""PostgreSQL's frontend/backend protocol, as far as a reader needs it: connecting, short statements, messages.

https://www.postgresql.org/docs/current/protocol.html. Errors are raised as ADBC raises them (adbc_driver_manager.Error
with SQLSTATE and the server's fields), so that whoever uses either client handles one kind.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from typing import NoReturn

import adbc_driver_manager as adbc

from connectors.postgres.endpoint import Endpoint

_VERSION = 196608
_TLS = 80877103
_CANCEL = 80877102
_FIELDS = {b"S": "PG_DIAG_SEVERITY", b"C": "PG_DIAG_SQLSTATE", b"M": "PG_DIAG_MESSAGE_PRIMARY"}
_CLOSING = 3.0
"""Seconds that the socket of a cancel request may take."""
_CHUNK = 256 << 10
"""Bytes to ask the socket for at once, where rows come."""

Message = tuple[int, bytes]


def failure(payload: bytes) -> adbc.OperationalError:
    """An ErrorResponse as the driver's error."""
    fields = {item[:1]: item[1:].decode(errors="replace") for item in payload.split(b"\0") if item}
    named = [(name, fields[key].encode()) for key, name in _FIELDS.items() if key in fields]
    text = f"{fields.get(b'S', 'ERROR')}:  {fields.get(b'M', 'the query failed')}"
    state = fields.get(b"C")
    return adbc.OperationalError(text, status_code=adbc.AdbcStatusCode.IO, sqlstate=state, details=named)


def lost(words: str) -> NoReturn:
    """Raise what a connection without a server at its other end means."""
    raise adbc.OperationalError(words, status_code=adbc.AdbcStatusCode.IO)


class Channel:
    """A connection that is logged in. One thread at a time, but for `cancel` and `shut`."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Connect and log in. Raises OSError, adbc.Error."""
        self._endpoint = endpoint
        self._encrypted = False
        self._pid, self._secret = 0, b""
        self._buffer = b""
        self.answered = False
        """Whether anything but an error has come since the last message was sent."""
        self.chunk = memoryview(bytearray(_CHUNK))
        """Room for bytes that come, kept: to make it for each read would cost 60 page faults."""
        self._socket = self._open(endpoint.timeout)
        try:
            self._log_in()
            self._socket.settimeout(None)
        except BaseException:
            self._socket.close()
            raise

    def _open(self, timeout: float) -> socket.socket:
        mode = self._endpoint.mode
        local = self._endpoint.host.startswith("/")
        made = _reach(self._endpoint, timeout)
        if mode == "disable" or local:
            return made
        try:
            made.sendall(struct.pack(">II", 8, _TLS))
            if made.recv(1) == b"S":
                # Nothing may have come behind the S, or it would pass for encrypted (CVE-2021-23222).
                context = self._endpoint.context()
                made = context.wrap_socket(made, server_hostname=self._endpoint.host)
                self._encrypted = True
            elif mode != "prefer":
                lost("the server does not support SSL, but SSL was required")
        except BaseException:
            made.close()
            raise
        return made

    def _log_in(self) -> None:
        wanted = self._endpoint.options
        parameters = {
            "user": self._endpoint.user,
            "database": self._endpoint.database,
            "client_encoding": "UTF8",
            "application_name": wanted.get("application_name", "watersmeet"),
        }
        if "options" in wanted:
            parameters["options"] = wanted["options"]
        words = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items()) + b"\0"
        self._socket.sendall(struct.pack(">II", len(words) + 8, _VERSION) + words)
        scram: _Scram | None = None
        while True:
            kind, payload = self.message()
            if kind == ord("E"):
                raise failure(payload)
            if kind == ord("K"):
                self._pid, self._secret = struct.unpack(">I", payload[:4])[0], payload[4:]
            elif kind == ord("Z"):
                return
            elif kind == ord("R"):
                scram = self._authenticate(struct.unpack(">I", payload[:4])[0], payload[4:], scram)

    def _authenticate(self, method: int, data: bytes, scram: _Scram | None) -> _Scram | None:
        password = (self._endpoint.password or "").encode()
        if method == 0:
            if scram is not None and not scram.proven:
                lost("the server did not prove that it knows the password")
            return None
        if not password:
            lost("fe_sendauth: no password supplied")
        if method == 3:
            if not self._encrypted and not self._endpoint.host.startswith("/"):
                lost("password authentication failed: the server asks for the password itself without SSL")
            self.send(b"p", password + b"\0")
        elif method == 5:
            inner = hashlib.md5(password + self._endpoint.user.encode()).hexdigest()
            self.send(b"p", b"md5" + hashlib.md5(inner.encode() + data).hexdigest().encode() + b"\0")
        elif method == 10 and b"SCRAM-SHA-256" in data.split(b"\0"):
            scram = _Scram(password)
            first = scram.first()
            self.send(b"p", b"SCRAM-SHA-256\0" + struct.pack(">I", len(first)) + first)
        elif method == 11 and scram is not None:
            self.send(b"p", scram.last(data))
        elif method == 12 and scram is not None:
            scram.check(data)
        else:
            lost("the server asks for a way to log in that is not known here")
        return scram

    # ---------------------------------------------------------------- messages

    def send(self, *parts: bytes) -> None:
        """Send messages: type, payload, type, payload …"""
        self.answered = False
        pairs = zip(parts[::2], parts[1::2], strict=True)
        self._socket.sendall(b"".join(kind + struct.pack(">I", len(payload) + 4) + payload for kind, payload in pairs))

    def message(self) -> Message:
        """The next message; notices and the like are passed over. Raises OSError, adbc.Error."""
        while True:
            kind, length = struct.unpack(">cI", self._exactly(5))
            payload = self._exactly(length - 4)
            if kind not in b"NSA":
                self.answered = self.answered or kind != b"E"
                return kind[0], payload

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._buffer += self._more(65536)
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _more(self, size: int) -> bytes:
        data = self._socket.recv(size)
        if not data:
            lost("server closed the connection unexpectedly")
        return data

    def receive_into(self, buffer: memoryview) -> int:
        """Bytes as they come: first those that were read ahead. Raises OSError, adbc.Error."""
        if self._buffer:
            count = min(len(self._buffer), len(buffer))
            buffer[:count], self._buffer = self._buffer[:count], self._buffer[count:]
            return count
        count = self._socket.recv_into(buffer)
        if not count:
            lost("server closed the connection unexpectedly")
        return count

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[Channel]:
        """Let no single wait take longer: TimeoutError."""
        self._socket.settimeout(seconds)
        try:
            yield self
        finally:
            self._socket.settimeout(None)

    # ---------------------------------------------------------------- other threads

    def cancel(self) -> None:
        """Ask the server, over a connection of its own, to end what runs here. Raises OSError."""
        with _reach(self._endpoint, _CLOSING) as made:
            asking = made
            if self._encrypted:
                asking.sendall(struct.pack(">II", 8, _TLS))
                if asking.recv(1) == b"S":
                    asking = self._endpoint.context().wrap_socket(made, server_hostname=self._endpoint.host)
            request = struct.pack(">III", 12 + len(self._secret), _CANCEL, self._pid) + self._secret
            asking.sendall(request)
            asking.recv(1)  # the server closes when it has passed the request on

    def close(self) -> None:
        """Say good-bye if that can be said at once, and close; a thread that reads from it is woken."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(0)
            self.send(b"X", b"")
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._socket.close()


def _reach(endpoint: Endpoint, timeout: float) -> socket.socket:
    if endpoint.host.startswith("/"):
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(timeout)
        made.connect(f"{endpoint.host}/.s.PGSQL.{endpoint.port}")
        return made
    made = socket.create_connection((endpoint.host, endpoint.port), timeout)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for level, option, value in _alive(endpoint.options):
        made.setsockopt(level, option, value)
    return made


def _alive(options: dict[str, str]) -> Iterable[tuple[int, int, int]]:
    """A peer that vanished without a word is noticed as libpq would notice it."""
    yield socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1
    named = {
        "keepalives_idle": "TCP_KEEPIDLE",
        "keepalives_interval": "TCP_KEEPINTVL",
        "keepalives_count": "TCP_KEEPCNT",
        "tcp_user_timeout": "TCP_USER_TIMEOUT",
    }
    for name, option in named.items():
        if name in options and hasattr(socket, option):
            yield socket.IPPROTO_TCP, getattr(socket, option), int(options[name])


class _Scram:
    """SCRAM-SHA-256 without channel binding: RFC 5802, RFC 7677."""

    def __init__(self, password: bytes) -> None:
        self._password = password
        self._bare = f"n=,r={base64.b64encode(os.urandom(18)).decode()}"
        self._signature = b""
        self.proven = False

    def first(self) -> bytes:
        return b"n,," + self._bare.encode()

    def last(self, challenge: bytes) -> bytes:
        """The proof, for the server's salt and count of rounds."""
        said = dict(item.split("=", 1) for item in challenge.decode().split(","))
        if not said["r"].startswith(self._bare.partition("r=")[2]):
            lost("password authentication failed: the server's nonce is not ours")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, base64.b64decode(said["s"]), int(said["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={said['r']}"
        signed = f"{self._bare},{challenge.decode()},{without_proof}".encode()
        mask = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, mask, strict=True))
        self._signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def check(self, final: bytes) -> None:
        """Whether the server knows the password, too."""
        said = dict(item.split("=", 1) for item in final.decode().split(","))
        self.proven = hmac.compare_digest(base64.b64decode(said.get("v", "")), self._signature)
        if not self.proven:
            lost("password authentication failed: the server does not know it")
