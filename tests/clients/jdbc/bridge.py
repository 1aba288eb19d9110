"""The Python end of Bridge.java: Java objects whose methods a test calls as if they were its own."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

SOURCE = Path(__file__).parent / "Bridge.java"
# Arrow's memory needs java.nio; java.base must be opened to it by hand since Java 16.
OPTIONS = ("--add-opens=java.base/java.nio=ALL-UNNAMED", "-Duser.timezone=UTC", "-Xmx512m")
ANSWER = 60.0
"""Seconds that a call may take."""


@dataclass(frozen=True, slots=True)
class Java:
    """A value that has no Python literal: Java("java.math.BigDecimal", "1.50")."""

    kind: str
    text: str


class JavaError(Exception):
    """An exception that a Java method threw."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(f"{told['java']}: {told.get('message')}")
        self.kind: str = told["java"]
        self.message: str = told.get("message") or ""
        self.state: str | None = told.get("state")
        self.vendor: int = told.get("vendor") or 0
        self.cause: JavaError | None = JavaError(told["cause"]) if "cause" in told else None


class Jvm:
    """A Java machine with the driver on its class path. Thread-safe; closed with `close`."""

    def __init__(self, java: str, classpath: Sequence[Path], log: Path) -> None:
        jars = ":".join(map(str, classpath))
        with log.open("w") as stderr:
            self._process = subprocess.Popen(
                [java, *OPTIONS, "-cp", jars, str(SOURCE)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                encoding="utf-8",
            )
        self._log = log
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def start(self, on: Mapping[str, object], method: str, *arguments: object) -> Future[Any]:
        """A call whose answer is not waited for."""
        return self._send({"on": on, "call": method, "args": [_encoded(argument) for argument in arguments]})

    def static(self, kind: str, method: str, *arguments: object) -> Any:
        """A static method of a class."""
        return self.start({"class": kind}, method, *arguments).result(ANSWER)

    def rows(self, handle: int) -> list[tuple[Any, ...]]:
        """All rows that are left in a ResultSet, by getObject."""
        answer = self._send({"on": {"handle": handle}, "rows": True}).result(ANSWER)
        return [tuple(row) for row in answer]

    def methods(self, kind: str) -> list[tuple[str, list[str]]]:
        """The public methods of a class or an interface: name, types of the parameters."""
        answer = self._send({"on": {"class": kind}, "methods": True}).result(ANSWER)
        return [(name, types) for name, types in answer]

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def _send(self, request: dict[str, object]) -> Future[Any]:
        answer: Future[Any] = Future()
        number = next(self._numbers)
        with self._lock:
            self._waiting[number] = answer
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(json.dumps({"id": number, **request}) + "\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                answer.set_exception(self._ended())
        return answer

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            told = json.loads(line)
            with self._lock:
                answer = self._waiting.pop(told["id"])
            if "error" in told:
                answer.set_exception(JavaError(told["error"]))
            else:
                answer.set_result(self._decoded(told["value"]))
        with self._lock:
            for answer in self._waiting.values():
                answer.set_exception(self._ended())

    def _ended(self) -> RuntimeError:
        return RuntimeError(f"the Java machine ended: {self._log.read_text()[-2000:]}")

    def _decoded(self, value: Any) -> Any:
        """JSON as Python: bytes, Java values as Java, objects as Remote."""
        if isinstance(value, list):
            return [self._decoded(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "handle" in value:
            return Remote(self, value["handle"], value["java"])
        if value["java"] == "byte[]":
            return base64.b64decode(value["value"])
        return Java(value["java"], value["value"])


@dataclass(frozen=True)
class Remote:
    """A Java object. `remote.anyMethod(arguments)` calls it, and raises JavaError where it throws."""

    _jvm: Jvm = field(repr=False)
    handle: int
    kind: str

    def start(self, method: str, *arguments: object) -> Future[Any]:
        """A call whose answer is not waited for."""
        return self._jvm.start({"handle": self.handle}, method, *arguments)

    def rows(self) -> list[tuple[Any, ...]]:
        """Of a ResultSet: all rows that are left. Closes it, for the driver counts what is left open."""
        rows = self._jvm.rows(self.handle)
        self.close()
        return rows

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):
            raise AttributeError(method)
        return lambda *arguments: self.start(method, *arguments).result(ANSWER)


def _encoded(value: object) -> object:
    if isinstance(value, Remote):
        return {"handle": value.handle}
    if isinstance(value, Java):
        return {"java": value.kind, "value": value.text}
    if isinstance(value, bytes):
        return {"java": "byte[]", "value": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"java": "java.util.Properties", "value": value}
    if isinstance(value, (list, tuple)):
        return [_encoded(item) for item in value]
    return value
