"""What the supervising process waits for."""

import os
import signal
import socket
import time

import pytest

from evalhub.supervisor.waiting import STOPPING, FirstAnswer, Signals, listen


@pytest.fixture(autouse=True)
def handlers():
    """Give pytest its own signal handlers back."""
    kept = {number: signal.getsignal(number) for number in (*STOPPING, signal.SIGCHLD)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_ends_the_waiting_and_is_remembered(number):
    with Signals(parent=None) as signals:
        assert not signals.ask_to_stop
        os.kill(os.getpid(), number)
        began = time.monotonic()
        signals.wait(10)
        assert time.monotonic() - began < 5
        assert signals.ask_to_stop


def test_a_parent_that_is_gone_asks_to_stop():
    with Signals(parent=os.getppid()) as signals:
        assert not signals.ask_to_stop
    with Signals(parent=os.getpid()) as signals:
        assert signals.ask_to_stop


def test_the_first_answer_is_waited_for_without_blocking():
    with listen("127.0.0.1", 0) as listener, Signals(parent=None) as signals:
        answer = FirstAnswer(listener)
        source = answer.source()
        assert not answer.has_come()

        served, _ = listener.accept()
        served.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        signals.wait(5, source)

        assert answer.has_come()
        served.close()


def test_a_connection_lost_without_an_answer_is_tried_again():
    with listen("127.0.0.1", 0) as listener, Signals(parent=None) as signals:
        answer = FirstAnswer(listener)
        source = answer.source()
        listener.accept()[0].close()
        signals.wait(5, source)

        assert not answer.has_come()
        assert answer.source() is not source
        answer.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 in this Python")
def test_it_listens_over_ipv6():
    with listen("::1", 0) as listener:
        assert listener.family == socket.AF_INET6


def test_a_port_in_use_is_an_error():
    with listen("127.0.0.1", 0) as listener, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", listener.getsockname()[1])
