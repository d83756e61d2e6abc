"""Requests over connections that are kept, through a tunnel or not: ab opens a tunnel for every request."""
import multiprocessing
import socket
import ssl
import threading
import time

# Connections at once, each in a process of its own.
CLIENTS = 8


def connect(port, name=None, tunnel=None):
    """A connection to 127.0.0.1: through a tunnel to a host, and in TLS under a name, where that is asked for."""
    stream = socket.create_connection(("127.0.0.1", port), 10)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tunnel:
        stream.sendall(("CONNECT %s:443 HTTP/1.1\r\nhost: %s:443\r\n\r\n" % (tunnel, tunnel)).encode())
        answer(stream)
    if name:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        stream = context.wrap_socket(stream, server_hostname=name)
    return stream


def answer(stream):
    """Reads one answer to its end; anything but 200 ends the measurement."""
    said = b""
    while b"\r\n\r\n" not in said:
        more = stream.recv(65536)
        if not more:
            raise SystemExit("the connection ended: %r" % said[:200])
        said += more
    head, body = said.split(b"\r\n\r\n", 1)
    lines = head.lower().split(b"\r\n")
    if b" 200" not in lines[0]:
        raise SystemExit("not what was to be measured: %r" % head)
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        more = stream.recv(65536)
        if not more:
            raise SystemExit("the answer ended after %d bytes" % len(body))
        body += more


def client(opened, request, count, barrier, failures):
    try:
        stream = connect(**opened)
        # What the first one warms is not measured.
        stream.sendall(request)
        answer(stream)
    except BaseException as why:
        failures.put(str(why))
        barrier.abort()
        raise
    barrier.wait()
    for _ in range(count):
        stream.sendall(request)
        answer(stream)
    barrier.wait()


def rate(opened, host, path, accept, count):
    """Requests a second over `CLIENTS` kept connections, each waiting for its answer before it asks again."""
    request = ("GET %s HTTP/1.1\r\nhost: %s\r\nuser-agent: bench\r\naccept: %s\r\n\r\n" % (path, host, accept)).encode()
    fork = multiprocessing.get_context("fork")
    barrier, failures = fork.Barrier(CLIENTS + 1), fork.Queue()
    each = count // CLIENTS
    clients = [fork.Process(target=client, args=(opened, request, each, barrier, failures)) for _ in range(CLIENTS)]
    for one in clients:
        one.start()
    try:
        barrier.wait(60)
        started = time.monotonic()
        barrier.wait(300)
        seconds = time.monotonic() - started
    except threading.BrokenBarrierError:
        raise SystemExit("errors while measuring %s: %s" % (host, failures.get() if not failures.empty() else "no answer"))
    finally:
        for one in clients:
            one.join(10)
    return each * CLIENTS / seconds
