"""Benchmarks of the gate against its peers, in one run, as ratios. `make bench` calls it; see docs/performance.md."""
import concurrent.futures
import json
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peers
from upstream import MANIFEST, Image, Upstream, digest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
BLOB_MIB = int(os.environ.get("BENCH_BLOB_MIB", "256"))
RESULTS = []


def report(name, ours, peer, unit, peer_name, better):
    """`better`: 'more' or 'less'. The ratio is ours / peer."""
    ratio = ours / peer if peer else None
    RESULTS.append({"name": name, "ours": ours, "peer": peer, "peer_name": peer_name, "unit": unit, "ratio": ratio, "better": better})
    print("%-46s %12.3f %-8s %-22s %12.3f   ratio %s (%s is better)" % (
        name, ours, unit, peer_name, peer or 0, "%.3f" % ratio if ratio else "-", better), flush=True)


def wrk(url):
    """Requests a second and p99 in milliseconds with 32 connections."""
    out = subprocess.run([peers.need("wrk"), "-t1", "-c32", "-d%ds" % SECONDS, "--latency", "-H", "Accept: " + MANIFEST, url],
                         check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out:
        raise SystemExit("errors while measuring %s:\n%s" % (url, out))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def best_of(measure, urls):
    """Interleaves the servers so that noise of the machine meets all; the median of each."""
    runs = {name: [] for name in urls}
    for _ in range(ROUNDS):
        for name, url in urls.items():
            runs[name].append(measure(url))
    return {name: tuple(sorted(column)[len(column) // 2] for column in zip(*values)) for name, values in runs.items()}


def manifests(gate, web, registry, image):
    for kind, target in (("tag", "latest"), ("digest", digest(image.manifest))):
        path = "/v2/library/bench/manifests/" + target
        urls = {"ours": "http://127.0.0.1:%d%s" % (gate.port, path), "nginx": "http://127.0.0.1:%d%s" % (web.port, path)}
        got = best_of(wrk, urls)
        report("warm manifest by %s, requests/s" % kind, got["ours"][0], got["nginx"][0], "req/s", "nginx file", "more")
        report("warm manifest by %s, p99" % kind, got["ours"][1], got["nginx"][1], "ms", "nginx file", "less")
        peer = wrk("http://127.0.0.1:%d%s" % (registry.port, path))
        report("warm manifest by %s, requests/s" % kind, got["ours"][0], peer[0], "req/s", "distribution proxy", "more")


def blob(server, port, scheme, path):
    """MiB a second and CPU seconds per GB of the server, for eight sequential reads by curl."""
    size, count = BLOB_MIB * 1024 * 1024, 8
    url = "%s://127.0.0.1:%d%s" % (scheme, port, path)
    subprocess.run(["curl", "-fsSk", "-o", "/dev/null", url], check=True)
    cpu, began = server.cpu_seconds(), time.monotonic()
    for _ in range(count):
        subprocess.run(["curl", "-fsSk", "-o", "/dev/null", url], check=True)
    seconds = time.monotonic() - began
    return size * count / seconds / 2**20, (server.cpu_seconds() - cpu) / (size * count / 1e9)


def blobs(gate, web, image):
    path = "/v2/library/bench/blobs/" + digest(image.layer)
    for scheme, ours, theirs in (("http", gate.port, web.port), ("https", gate.tls, web.tls)):
        our_path = path if scheme == "http" else path.replace("/v2/", "/v2/docker.io/")
        got = {"ours": [], "nginx": []}
        for _ in range(ROUNDS):
            got["ours"].append(blob(gate, ours, scheme, our_path))
            got["nginx"].append(blob(web, theirs, scheme, path))
        ours, theirs = (sorted(got[k], key=lambda run: run[1])[ROUNDS // 2] for k in ("ours", "nginx"))
        report("warm %d MiB blob over %s, throughput" % (BLOB_MIB, scheme), ours[0], theirs[0], "MiB/s", "nginx sendfile", "more")
        report("warm %d MiB blob over %s, CPU per GB" % (BLOB_MIB, scheme), ours[1], theirs[1], "s/GB", "nginx sendfile", "less")


def fetch(port, path):
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (port, path), headers={"Accept": MANIFEST + ", */*"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        total = 0
        while chunk := answer.read(1 << 16):
            total += len(chunk)
        return total


def cold(gate, upstream, image, clients=200):
    """Many clients ask for an image that nobody has pulled: how often does the upstream send it?"""
    before = upstream.sent

    def pull(_):
        fetch(gate.port, "/v2/library/cold/manifests/latest")
        return sum(fetch(gate.port, "/v2/library/cold/blobs/" + name) for name in image.blobs)

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        totals = set(pool.map(pull, range(clients)))
    size = sum(map(len, image.blobs.values()))
    assert totals == {size}, totals
    report("%d cold clients, upstream bytes / image bytes" % clients, upstream.sent - before, size + len(image.manifest), "bytes", "the image once", "less")


def slow_readers(gate, image, readers=1000):
    """Memory while a thousand clients read a large blob as slowly as they can."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    idle = gate.memory("VmRSS")
    request = ("GET /v2/library/bench/blobs/%s HTTP/1.1\r\nHost: x\r\n\r\n" % digest(image.layer)).encode()
    sockets = []
    for _ in range(readers):
        s = socket.create_connection(("127.0.0.1", gate.port))
        s.sendall(request)
        sockets.append(s)
    for s in sockets:
        s.recv(65536)
    time.sleep(2)
    report("memory with %d slow readers, resident" % readers, gate.memory("VmRSS"), 64, "MiB", "the aim", "less")
    report("memory with %d slow readers, anonymous" % readers, gate.memory("RssAnon"), 64, "MiB", "the aim", "less")
    report("memory before", idle, 64, "MiB", "the aim", "less")
    for s in sockets:
        s.close()


def main():
    binary = os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT + "/target"), "release", "lazaret")
    image, chilled = Image(BLOB_MIB << 20), Image(32 << 20)
    upstream = Upstream({"library/bench": image, "library/cold": chilled})
    with tempfile.TemporaryDirectory(prefix="lazaret-bench-") as folder, open(os.path.join(folder, "servers.log"), "wb") as log:
        peers.certificate(folder)
        files = {"/v2/library/bench/manifests/" + target: (image.manifest, "") for target in ("latest", digest(image.manifest))}
        files["/v2/library/bench/blobs/" + digest(image.layer)] = (image.layer, "")
        servers = [peers.lazaret(binary, folder, upstream.url, log), peers.nginx(folder, files, log),
                   peers.distribution(folder, upstream.url, log)]
        gate, web, registry = servers
        try:
            for port in (gate.port, registry.port):
                fetch(port, "/v2/library/bench/manifests/latest")
            fetch(gate.port, "/v2/library/bench/blobs/" + digest(image.layer))
            cold(gate, upstream, chilled)
            manifests(gate, web, registry, image)
            blobs(gate, web, image)
            slow_readers(gate, image)
        finally:
            for server in servers:
                server.stop()
    out = os.path.join(ROOT, "target", "bench")
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "gate.json"), "w") as file:
        json.dump(RESULTS, file, indent=2)
    print("written to target/bench/gate.json")


main()
