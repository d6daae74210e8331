"""A network namespace for each page, so that every page can use `http://127.0.0.1:8700`."""

import contextlib
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
LOCK = Path(tempfile.gettempdir()) / "countersign-docs.lock"


def namespace():
    """The command that starts another one in a new network namespace; empty where the system allows none."""
    for options in (["--net"], ["--user", "--map-root-user", "--net"]):
        command = ["unshare", *options, "--"]
        if shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True).returncode == 0:
            return command
    return []


def switch_on():
    """Brings up the loopback interface of a new namespace."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


@contextlib.contextmanager
def shared():
    """Serializes all runs on this machine: without namespaces they share port 8700."""
    descriptor = os.open(LOCK, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def relay(listener, connect):
    """Forwards connections of `listener` to the sockets that `connect` opens, until the process ends."""

    def copy(source, destination):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                destination.sendall(data)
        with contextlib.suppress(OSError):
            destination.shutdown(socket.SHUT_WR)

    def accept():
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = connect()
            except OSError:
                near.close()
                continue
            for pair in ((near, far), (far, near)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def publish(path, host, port):
    """Outside of the namespace: forwards a Unix socket to a TCP server."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)
    relay(listener, lambda: socket.create_connection((host, port)))


def reach(path, port):
    """Inside of the namespace: forwards the server's port to that Unix socket, so that its URL works there too."""

    def connect():
        far = socket.socket(socket.AF_UNIX)
        far.connect(str(path))
        return far

    listener = socket.create_server(("127.0.0.1", port))
    relay(listener, connect)
