"""Three network namespaces, a private certificate authority, two registries and Lazaret between them.

    lz-client ──┐
                ├── bridge in lz-hub: registry-1.docker.io, ghcr.io
    lz-gw ──────┘

The client reaches the registries as well as Lazaret does and trusts their certificates: a pull that silently goes
round Lazaret succeeds here, and is seen in the registry's access log. None of the namespaces has a way out.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from waiting import Failure, end, wait_for, wait_up

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VECTORS = Path(os.environ.get("LAZARET_VECTORS", ROOT.parent / "shared" / "vectors")) / "images"

NET = "10.213.77"
HUB, GHCR, GATEWAY, CLIENT = f"{NET}.2", f"{NET}.3", f"{NET}.10", f"{NET}.20"
NAMESPACES = ["lz-hub", "lz-gw", "lz-client"]
HOSTS = f"""127.0.0.1 localhost
{HUB} registry-1.docker.io auth.docker.io index.docker.io
{GHCR} ghcr.io
{GATEWAY} gw.test
"""
# Of a client whose resolver leads the registries' names to Lazaret.
LED_HERE = f"""127.0.0.1 localhost
{GATEWAY} registry-1.docker.io auth.docker.io index.docker.io ghcr.io gw.test
"""
WHY = "http://gw.test:5080/why/"
# Longer than one exchange is held, and longer than one that Docker 29 waits for.
SLOW, SLOWER = 35, 100

ADVISORY = {
    "id": "DSA-2026-1", "aliases": ["CVE-2026-1"], "modified": "2026-01-02T00:00:00Z",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    "affected": [{
        "package": {"ecosystem": "Debian:12", "name": "openssl"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.0.13-1"}]}],
    }],
}


def run(argv, *, check=True, timeout=300, env=None, input=None) -> subprocess.CompletedProcess:
    argv = [str(word) for word in argv]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL if input is None else None, input=input, text=True, timeout=timeout,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, errors="replace",
        )
    except subprocess.TimeoutExpired as late:
        said = late.stdout or ""
        said = said.decode(errors="replace") if isinstance(said, bytes) else said
        raise Failure(f"{' '.join(argv)}: no end within {timeout} s: {said[-600:]}") from None
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(argv)}: exit {done.returncode}: {done.stdout[-1500:]}")
    return done


class Lab:
    def __init__(self, lazaret: Path):
        self.lazaret = lazaret
        self.children: list[tuple[str, subprocess.Popen]] = []
        self.lock = open("/run/lazaret-interop.lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("another interop run is going on") from None
        self.dir = Path(tempfile.mkdtemp(prefix="lazaret-interop-"))
        self.images: dict[str, str] = {}
        self.asked = 0

    # ---- namespaces

    def up(self):
        self.tear_down()
        for name in NAMESPACES:
            run(["ip", "netns", "add", name])
            run(["ip", "-n", name, "link", "set", "lo", "up"])
        (self.dir / "hosts").write_text(HOSTS)
        (self.dir / "led-here").write_text(LED_HERE)
        (self.dir / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        run(["ip", "-n", "lz-hub", "link", "add", "br0", "type", "bridge"])
        for address in [HUB, GHCR]:
            run(["ip", "-n", "lz-hub", "addr", "add", f"{address}/24", "dev", "br0"])
        run(["ip", "-n", "lz-hub", "link", "set", "br0", "up"])
        for name, address, port in [("lz-gw", GATEWAY, "p-gw"), ("lz-client", CLIENT, "p-client")]:
            run(["ip", "-n", "lz-hub", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name])
            run(["ip", "-n", "lz-hub", "link", "set", port, "master", "br0", "up"])
            run(["ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0"])
            run(["ip", "-n", name, "link", "set", "eth0", "up"])

    def tear_down(self):
        """Removes the namespaces and whatever still runs in them."""
        there = run(["ip", "netns", "list"]).stdout.split()
        for name in NAMESPACES:
            if name in there:
                for pid in run(["ip", "netns", "pids", name], check=False).stdout.split():
                    try:
                        os.kill(int(pid), signal.SIGKILL)
                    except (ProcessLookupError, ValueError):
                        pass
                run(["ip", "netns", "del", name], check=False)

    def close(self, keep: bool):
        for name, _ in reversed(self.children[:]):
            self.stop(name)
        self.tear_down()
        if keep:
            print(f"kept: {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    # ---- processes

    def start(self, name: str, namespace: str, argv, *, env=None, binds=(), root=None) -> subprocess.Popen:
        """Starts a program in mount and process namespaces of its own: whatever it leaves behind dies with it."""
        log = open(self.log_path(name), "ab")
        command = ["nsenter", f"--net=/run/netns/{namespace}", "unshare", "--mount", "--pid", "--fork", "--kill-child",
                   "--mount-proc", *self.mounted(binds, argv, root)]
        child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 env=env, start_new_session=True)
        log.close()
        self.children.append((name, child))
        return child

    def names(self, binds) -> list:
        """Host names are looked up in our files. Mounted by hand: `ip netns exec` would take the cgroups away."""
        return [(self.dir / "hosts", "/etc/hosts"), (self.dir / "resolv.conf", "/etc/resolv.conf"), *binds]

    def mounted(self, binds, argv, root: Path | None) -> list[str]:
        """`argv` behind its mounts; in another root file system, if one is given, which stays as it is."""
        if root is None:
            return mounted(self.names(binds), argv)
        return mounted([(self.dir, self.dir), *self.names(binds)], argv, root)

    def stop(self, name: str):
        for entry in [entry for entry in self.children if entry[0] == name]:
            self.children.remove(entry)
            end(entry[1])

    def log_path(self, name: str) -> Path:
        return self.dir / f"{name}.log"

    def log(self, name: str) -> str:
        path = self.log_path(name)
        return path.read_text(errors="replace") if path.exists() else ""

    def serving(self, name: str, test):
        """Waits until the program that was started under this name passes `test`."""
        child = next(child for child_name, child in self.children if child_name == name)
        wait_up(name, child, self.log_path(name), test)

    def listening(self, name: str, namespace: str, address: str, port: int):
        probe = ["nsenter", f"--net=/run/netns/{namespace}", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"]
        self.serving(name, lambda: run(probe, check=False).returncode == 0)

    def client_env(self, **more) -> dict:
        """What a client sees: our authority in the system's place, a home of its own, no proxy."""
        home = self.dir / "home"
        home.mkdir(exist_ok=True)
        return {
            "PATH": os.environ["PATH"], "HOME": str(home), "SSL_CERT_FILE": str(self.dir / "ca.pem"),
            "SSL_CERT_DIR": "/nonexistent", "LANG": "C.UTF-8", "DOCKER_CLI_HINTS": "false", **more,
        }

    def client(self, argv, *, binds=(), timeout=600, root=None, **more) -> subprocess.CompletedProcess:
        command = ["nsenter", "--net=/run/netns/lz-client", "unshare", "--mount", *self.mounted(binds, argv, root)]
        return run(command, check=False, timeout=timeout, env=self.client_env(**more))

    # ---- certificates

    def certificates(self):
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=interop authority", "-keyout", self.dir / "ca.key", "-out", self.dir / "ca.pem",
             "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"])
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=somebody else", "-keyout", self.dir / "other.key", "-out", self.dir / "other.pem",
             "-addext", "basicConstraints=critical,CA:TRUE"])
        for name, hosts in [("hub", ["registry-1.docker.io", "auth.docker.io", "index.docker.io"]),
                            ("ghcr", ["ghcr.io"]), ("gw", ["gw.test"])]:
            request, extensions = self.dir / f"{name}.csr", self.dir / f"{name}.ext"
            names = ",".join(f"DNS:{host}" for host in hosts)
            extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n")
            run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-subj", f"/CN={hosts[0]}", "-keyout", self.dir / f"{name}.key", "-out", request])
            run(["openssl", "x509", "-req", "-in", request, "-CA", self.dir / "ca.pem", "-CAkey", self.dir / "ca.key",
                 "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", self.dir / f"{name}.pem"])

    # ---- registries

    def registries(self):
        for name, address, url in [("hub", HUB, "https://registry-1.docker.io"), ("ghcr", GHCR, "https://ghcr.io")]:
            config = self.dir / f"{name}.yml"
            config.write_text(f"""version: 0.1
log: {{ level: warn, accesslog: {{ disabled: false }} }}
storage: {{ filesystem: {{ rootdirectory: {self.dir / name} }}, delete: {{ enabled: false }} }}
http:
  addr: {address}:443
  secret: interop
  tls: {{ certificate: {self.dir / name}.pem, key: {self.dir / name}.key }}
""")
            self.start(name, "lz-hub", ["docker-registry", "serve", config])
            self.listening(name, "lz-hub", address, 443)
            writer = [sys.executable, HERE / "images.py", "--registry", url, "--ca", self.dir / "ca.pem",
                      "--vectors", VECTORS, "--set", name]
            wrote = run(["nsenter", "--net=/run/netns/lz-hub", "unshare", "--mount", *mounted(self.names([]), writer)])
            host = {"hub": "docker.io", "ghcr": "ghcr.io"}[name]
            self.images |= {f"{host}/{image}": digest for image, digest in json.loads(wrote.stdout).items()}

    def digest(self, image: str) -> str:
        return self.images[image]

    def settled(self):
        """Asks each registry for something that nobody else asks for, and waits until its log has that: what was asked
        before is in it, too."""
        self.asked += 1
        for name, address in [("hub", HUB), ("ghcr", GHCR)]:
            mark = f"/v2/mark-{self.asked}/tags/list"
            run(["nsenter", "--net=/run/netns/lz-hub", "curl", "-sk", "-o", "/dev/null", f"https://{address}{mark}"])
            wait_for(f"{name} writes its log", lambda: f"GET {mark} HTTP" in self.log(name))

    def mark(self) -> dict[str, int]:
        self.settled()
        return {name: len(self.log(name)) for name in ["hub", "ghcr"]}

    def requests(self, mark: dict[str, int], address: str) -> list[str]:
        """The requests that came from `address` since `mark`, as `METHOD path`."""
        self.settled()
        seen = []
        for name, start in mark.items():
            for line in self.log(name)[start:].splitlines():
                found = re.match(r'(\S+) - .*?"([A-Z]+ \S+) HTTP', line)
                if found and found[1] == address:
                    seen.append(found[2])
        return seen

    # ---- Lazaret

    def lazaret_config(self, name: str, mirror_tls: bool) -> Path:
        tls = f'tls_certificate = "{self.dir}/gw.pem"\ntls_key = "{self.dir}/gw.key"'
        plain = "plain_http = true"
        ports = (5051, 444, 5081) if mirror_tls else (5050, 443, 5080)
        # Clients trust this authority already, as a company's. One server is for those who say who they are: logins.py.
        known, users = ("", "") if not mirror_tls else (
            f'client_ca = "{self.dir}/ca.pem"\nclient_certificate = "optional"',
            f'users = "{self.dir}/users.toml"\n[identity]\nheader = "X-Team"\nheader_listeners = ["gateway"]')
        proxy = f"""[proxy]
listen = "{GATEWAY}:{3129 if mirror_tls else 3128}"
ca_certificate = "{self.dir}/ca.pem"
ca_key = "{self.dir}/ca.key"
{users}
"""
        config = self.dir / f"{name}.toml"
        config.write_text(f"""data_dir = "{self.dir}/{name}-data"
policy = "{self.dir}/policy.toml"
external_url = "http://gw.test:{ports[2]}"
[mirror]
listen = "{GATEWAY}:{ports[0]}"
{tls if mirror_tls else plain}
[gateway]
listen = "{GATEWAY}:{ports[1]}"
{tls}
registry_names = {"false" if mirror_tls else "true"}
{known}
[admin]
listen = "{GATEWAY}:{ports[2]}"
{plain}
{proxy}
[scanner.slow]
kind = "exec"
command = ["{HERE}/slow.sh", "{SLOW}", "{{digest}}"]
[scanner.slower]
kind = "exec"
command = ["{HERE}/slow.sh", "{SLOWER}", "{{digest}}"]
[cache]
tag_freshness = "1s"
[upstream]
ca_files = ["{self.dir}/ca.pem"]
[[registry]]
host = "docker.io"
url = "https://registry-1.docker.io"
allow_addresses = ["{NET}.0/24"]
[[registry]]
host = "ghcr.io"
url = "https://ghcr.io"
allow_addresses = ["{NET}.0/24"]
""")
        return config

    def policy(self, *, mode="enforce", allow="", names="", slow=False) -> str:
        slow = "" if not slow else """
[scan.slow]
scanners = ["slow"]
[scan.slower]
scanners = ["slower"]
[[rule]]
match = ["docker.io/acme/slow"]
unsigned = "allow"
scan = "slow"
[[rule]]
match = ["docker.io/acme/slower"]
unsigned = "allow"
scan = "slower"
"""
        return f"""version = 1
mode = "{mode}"
[names]
registries = ["docker.io", "ghcr.io"]
allow = [{allow}]
{names}
[config.standard]
root_user = "warn"
[config.strict]
root_user = "deny"
[scan.standard]
only_fixable = true
max_database_age = "72h"
{slow}
[[rule]]
match = ["docker.io/acme/vulnerable", "docker.io/acme/fixed"]
unsigned = "allow"
scan = "standard"
[[rule]]
match = ["docker.io/library/*", "docker.io/ab4bz/*", "docker.io/somebody/*"]
unsigned = "allow"
config = "standard"
[[rule]]
match = ["docker.io/acme/rooty"]
unsigned = "allow"
config = "strict"
[[rule]]
match = ["ghcr.io/acme/*"]
unsigned = "allow"
config = "standard"
[default]
unsigned = "deny"
"""

    def set_policy(self, **how):
        """Replaces the policy and waits until each running Lazaret says that it took it."""
        running = [name for name, _ in self.children if name.startswith("lazaret")]
        before = {name: self.log(name).count("policy loaded") for name in running}
        path = self.dir / "policy.toml"
        fresh = path.with_suffix(".new")
        fresh.write_text(self.policy(**how))
        if path.exists() and path.read_text() == fresh.read_text():
            return
        fresh.rename(path)
        for name in running:
            wait_for(f"{name} loads the policy", lambda: self.log(name).count("policy loaded") > before[name])

    def start_lazaret(self, name="lazaret", mirror_tls=False):
        config = self.lazaret_config(name, mirror_tls)
        env = self.lazaret_env()
        export = self.dir / "Debian.jsonl"
        export.write_text(json.dumps(ADVISORY))
        run([self.lazaret, "db", "import", export, "--ecosystem", "Debian", "--config", config], env=env)
        self.serve(name, mirror_tls)

    def lazaret_env(self) -> dict:
        return {"PATH": os.environ["PATH"], "HOME": str(self.dir), "RUST_BACKTRACE": "1"}

    def serve(self, name="lazaret", mirror_tls=False, env=None):
        config = self.dir / f"{name}.toml"
        self.start(name, "lz-gw", [self.lazaret, "serve", "--config", config], env=env or self.lazaret_env())
        # The proxy is the last that it binds.
        for port in (5051, 444, 3129) if mirror_tls else (5050, 443, 3128):
            self.listening(name, "lz-gw", GATEWAY, port)


def mounted(binds, argv, root: Path | None = None) -> list[str]:
    """`argv` behind bind mounts of `(source, target)`, which are in `root` if that is given, as `argv` is then."""
    base, steps = str(root or ""), []
    if root:
        # A mount point of its own, read-only, with this machine's devices and what programs write to in memory.
        steps += [f"mount --bind '{root}' '{root}'", f"mount -o remount,bind,ro '{root}'"]
        steps += [f"mount --rbind '/{name}' '{root}/{name}'" for name in ["proc", "sys", "dev"]]
        steps += [f"mount -t tmpfs tmpfs '{root}/{name}'" for name in ["tmp", "run", "root", "var/tmp", "var/lib"]]
    for source, target in binds:
        if source == "tmpfs":
            steps.append(f"mount -t tmpfs tmpfs '{base}{target}'")
        else:
            make = f"mkdir -p '{base}{target}' && " if os.path.isdir(source) else ""
            steps.append(f"{make}mount --bind '{source}' '{base}{target}'")
    if root:
        # Not chroot: daemons change their root themselves, which needs one that is a mount point.
        steps.append(f"cd '{root}' && pivot_root . . && umount -l . && cd /")
    return ["--", "bash", "-c", " && ".join([*steps, 'exec "$@"']), "bash", *map(str, argv)]
