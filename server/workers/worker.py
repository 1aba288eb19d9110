"""A worker process: `python -m server.workers.worker FD`, started by the front, with a socket to it as descriptor FD.

The main thread takes new channels, shows that the process is alive, and notices which channels are hung up; each channel
has a thread. The process ends when its control socket does, whichever way the front went.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack

from server import logs
from server.workers.confinement import confine
from server.workers.inprocess import Executor
from server.workers.messages import Hangup, Kind, Link
from server.workers.orders import BEAT, Orders
from server.workers.serving import Serving, passable

_FROZEN = 60
"""Seconds after which the kernel ends a process whose main thread does not get to run, even if nobody is left to do it:
an alarm that is wound up with every beat. The front is faster."""
_CLOSING = 3.0
"""Seconds to cancel at the sources what still runs, and to remove files, before the process ends anyway."""

log = logging.getLogger(__name__)


def main() -> None:
    """Serve until the front hangs up."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # of the whole group, or of its control group: the front decides
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    link = Link(control)
    orders = link.receive().value()
    assert isinstance(orders, Orders)
    logs.set_up(*orders.logs, worker=orders.number)
    with ExitStack() as opened:
        try:
            executor = opened.enter_context(orders.open(*orders.arguments))
        except Exception as error:  # noqa: BLE001 - whatever it is, the front gets to know
            link.send_value(Kind.FAILED, passable(error))
            return
        confine(orders.memory)
        _keep_what_is_there()
        link.send(Kind.READY)
        try:
            _serve(control, link, executor)
        except Hangup:
            log.debug("the front is gone")
        ending = threading.Thread(target=opened.close, name="close", daemon=True)
        ending.start()
        ending.join(_CLOSING)
        os._exit(0)  # calls may have left threads behind: they are not waited for


def _keep_what_is_there() -> None:
    """Tell the garbage collector that modules and sources stay: every full collection went through their 135,000 objects.

    With 512 plans remembered that was 90 ms every 700 statements, in which none of the others ran, and 0.10 of the 1.9 ms
    of CPU that planning a short statement takes; it is 20 ms so. Higher thresholds gained no more.
    """
    gc.collect()
    gc.freeze()


def _serve(control: socket.socket, link: Link, executor: Executor) -> None:
    """Take channels until the front hangs up: raises Hangup."""
    events = select.epoll()
    events.register(control, select.EPOLLIN)
    channels: dict[int, Serving] = {}
    beat = 0.0
    while True:
        if time.monotonic() >= beat:
            signal.alarm(_FROZEN)
            link.send(Kind.BEAT)
            beat = time.monotonic() + BEAT
        ready = {descriptor for descriptor, _ in events.poll(BEAT)}
        # First those that are gone: a new channel may get the number of one of their descriptors.
        for descriptor in ready - {control.fileno()}:
            events.unregister(descriptor)
            channels.pop(descriptor).hung_up()
        if control.fileno() in ready:
            data, descriptors, _, _ = socket.recv_fds(control, 1, 2)
            if not data:
                raise Hangup
            try:
                served = _taken(descriptors, executor)
            except (OSError, ValueError, MemoryError, RuntimeError) as error:
                # No room, or no thread. The front sees a channel that hangs up, and lets another process take over.
                log.error("cannot take a channel: %s", error)
            else:
                events.register(served, select.EPOLLRDHUP)
                channels[served.fileno()] = served


def _taken(descriptors: list[int], executor: Executor) -> Serving:
    """A channel that the front hands over."""
    ours, memory = descriptors
    try:
        served = Serving(socket.socket(fileno=ours), memory, executor)
    finally:
        os.close(memory)
    served.start()
    return served


if __name__ == "__main__":
    main()
