"""A Redis server for tests, on a port of loopback."""

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def redis_on(port, folder, *options):
    """A server that answers; its process, which may be killed."""
    pytest.importorskip("redis", reason="the extra `redis` is not installed")
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as server:
        # It takes connections before it has read its log, and answers them with an error.
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(5) == b"+PONG":
                        break
            time.sleep(0.05)
        yield server
        server.terminate()
