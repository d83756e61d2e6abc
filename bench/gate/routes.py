"""What the proxy route and registries' own names cost against the mirror route and nginx as TLS reverse proxy.

`make bench-routes` calls it; see docs/performance.md. It needs nginx, ab (apache2-utils), openssl and curl."""
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kept
import peers
from upstream import MANIFEST, Image, Upstream, digest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "20000"))
BLOB_MIB = int(os.environ.get("BENCH_BLOB_MIB", "256"))
HUB = "registry-1.docker.io"
RESULTS = []


def report(name, ours, peer, unit, peer_name, better):
    ratio = ours / peer if peer else None
    RESULTS.append({"name": name, "ours": ours, "peer": peer, "peer_name": peer_name, "unit": unit, "ratio": ratio, "better": better})
    print("%-44s %12.3f %-8s %-28s %12.3f   ratio %s (%s is better)" % (
        name, ours, unit, peer_name, peer or 0, "%.2f" % ratio if ratio else "-", better), flush=True)


def ab(url, *more, count=REQUESTS, clients=32):
    """Requests a second."""
    out = subprocess.run([peers.need("ab"), "-q", "-c", str(clients), "-n", str(count), "-H", "Accept: " + MANIFEST, *more, url],
                         capture_output=True, text=True)
    failed = re.search(r"Failed requests:\s+(\d+)", out.stdout)
    if out.returncode or not failed or int(failed[1]) or "Non-2xx" in out.stdout:
        raise SystemExit("errors while measuring %s:\n%s%s" % (url, out.stdout, out.stderr))
    return float(re.search(r"Requests per second:\s+([\d.]+)", out.stdout)[1])


def interleaved(measures):
    """The median of each; noise of the machine meets all."""
    runs = {name: [] for name in measures}
    for _ in range(ROUNDS):
        for name, measure in measures.items():
            runs[name].append(measure())
    return {name: statistics.median(found) for name, found in runs.items()}


def curl(route, what):
    """What curl says of one request on a connection of its own."""
    out = subprocess.run(["curl", "-fsS", "-o", "/dev/null", "-w", "%%{%s}" % what, "-H", "Accept: " + MANIFEST + ", */*", *route],
                         check=True, capture_output=True, text=True).stdout
    return float(out)


def first_byte(route):
    return 1000 * statistics.median(curl(route, "time_starttransfer") for _ in range(50))


def blob(server, route, count=4):
    """MiB a second, and CPU seconds of the server per GB."""
    curl(route, "time_total")
    cpu, seconds = server.cpu_seconds(), 0
    for _ in range(count):
        seconds += curl(route, "time_total")
    size = BLOB_MIB * 2**20 * count
    return size / 2**20 / seconds, (server.cpu_seconds() - cpu) / (size / 1e9)


def requests(gate, web, path):
    proxied = ["-X", "127.0.0.1:%d" % gate.proxy, "https://%s%s" % (HUB, path)]
    ways = {
        "proxy": lambda: ab(proxied[-1], "-k", *proxied[:-1]),
        "mirror": lambda: ab("http://127.0.0.1:%d%s" % (gate.port, path), "-k"),
        "nginx": lambda: ab("https://127.0.0.1:%d%s" % (web.tls, path), "-k"),
    }
    got = interleaved(ways)
    # ab opens a tunnel for every request through a proxy, whatever -k says; to the others it keeps its connections.
    for peer, name in [("mirror", "mirror route, plain, kept"), ("nginx", "nginx TLS reverse proxy, kept")]:
        report("manifest by proxy, a tunnel each", got["proxy"], got[peer], "req/s", name, "more")
    opened = {
        "proxy": {"port": gate.proxy, "name": HUB, "tunnel": HUB},
        "names": {"port": gate.tls, "name": HUB},
        "mirror": {"port": gate.port},
        "nginx": {"port": web.tls, "name": "localhost"},
    }
    got = interleaved({name: lambda how=how: kept.rate(how, HUB, path, MANIFEST, REQUESTS) for name, how in opened.items()})
    for peer, name in [("mirror", "mirror route, plain, kept"), ("nginx", "nginx TLS reverse proxy, kept")]:
        report("manifest by proxy, kept tunnels", got["proxy"], got[peer], "req/s", name, "more")
    report("manifest by name, kept connections", got["names"], got["nginx"], "req/s", "nginx TLS reverse proxy, kept", "more")
    count = max(REQUESTS // 10, 100)
    ways = {
        "proxy": lambda: ab(proxied[-1], *proxied[:-1], count=count),
        "nginx": lambda: ab("https://127.0.0.1:%d%s" % (web.tls, path), count=count),
    }
    got = interleaved(ways)
    report("CONNECT, handshake and manifest a second", got["proxy"], got["nginx"], "1/s", "nginx, without CONNECT", "more")


def bytes_of(gate, web, routes, path):
    got = interleaved({name: lambda route=route, base=base: first_byte([*route, base + path]) for name, (route, base) in routes.items()})
    for ours in ("proxy", "names"):
        report("first byte by %s, new connection" % ours, got[ours], got["nginx"], "ms", "nginx TLS reverse proxy", "less")
    report("first byte by proxy, new connection", got["proxy"], got["mirror"], "ms", "mirror route, plain", "less")


def blobs(gate, web, routes, path):
    runs = {name: [] for name in routes}
    for _ in range(ROUNDS):
        for name, (route, base) in routes.items():
            runs[name].append(blob(web if name == "nginx" else gate, [*route, base + path]))
    got = {name: [statistics.median(column) for column in zip(*found)] for name, found in runs.items()}
    for ours in ("proxy", "names"):
        report("warm %d MiB blob by %s, throughput" % (BLOB_MIB, ours), got[ours][0], got["nginx"][0], "MiB/s", "nginx TLS reverse proxy", "more")
        report("warm %d MiB blob by %s, CPU per GB" % (BLOB_MIB, ours), got[ours][1], got["nginx"][1], "s/GB", "nginx TLS reverse proxy", "less")
    report("warm %d MiB blob by mirror, CPU per GB" % BLOB_MIB, got["mirror"][1], got["nginx"][1], "s/GB", "nginx TLS reverse proxy", "less")


def certificates(gate):
    """The first handshake under a name makes its certificate; the later ones find it."""
    first, later = [], []
    for host in ("index.docker.io", "docker.io", "auth.docker.io"):
        route = ["-k", "--resolve", "%s:%d:127.0.0.1" % (host, gate.tls), "https://%s:%d/token" % (host, gate.tls)]
        first.append(1000 * curl(route, "time_appconnect"))
        later.extend(1000 * curl(route, "time_appconnect") for _ in range(20))
    report("handshake that makes a certificate", statistics.median(first), statistics.median(later), "ms", "one that finds it", "less")


def main():
    binary = os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT + "/target"), "release", "lazaret")
    image = Image(BLOB_MIB << 20)
    upstream = Upstream({"library/bench": image})
    with tempfile.TemporaryDirectory(prefix="lazaret-bench-") as folder, open(os.path.join(folder, "servers.log"), "wb") as log:
        peers.certificate(folder)
        manifest, layer = ("/v2/library/bench/%s" % end for end in ("manifests/latest", "blobs/" + digest(image.layer)))
        origin = peers.nginx(folder, {manifest: (image.manifest, ""), layer: (image.layer, "")}, log)
        gate, web = peers.lazaret(binary, folder, upstream.url, log), peers.reverse_proxy(folder, origin.port, log)
        authority = subprocess.run([binary, "ca", "export", "--config", folder + "/lazaret.toml"], check=True, capture_output=True).stdout
        with open(folder + "/authority.pem", "wb") as file:
            file.write(authority)
        trusted = ["--cacert", folder + "/authority.pem"]
        routes = {
            "proxy": ([*trusted, "--proxy", "http://127.0.0.1:%d" % gate.proxy], "https://" + HUB),
            "names": ([*trusted, "--resolve", "%s:%d:127.0.0.1" % (HUB, gate.tls)], "https://%s:%d" % (HUB, gate.tls)),
            "mirror": ([], "http://127.0.0.1:%d" % gate.port),
            "nginx": (["-k"], "https://127.0.0.1:%d" % web.tls),
        }
        try:
            certificates(gate)
            for route, base in routes.values():
                for path in (manifest, layer):
                    curl([*route, base + path], "time_total")
            requests(gate, web, manifest)
            bytes_of(gate, web, routes, manifest)
            blobs(gate, web, routes, layer)
        finally:
            for server in (gate, web, origin):
                server.stop()
    out = os.path.join(ROOT, "target", "bench")
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "routes.json"), "w") as file:
        json.dump(RESULTS, file, indent=2)
    print("written to target/bench/routes.json")


main()
