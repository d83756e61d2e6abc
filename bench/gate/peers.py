"""The servers that are measured: Lazaret, nginx with the same bytes as files, docker-registry in proxy mode."""
import os
import shutil
import socket
import subprocess
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, process):
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit("a server ended at its start: %s" % " ".join(process.args))
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("nothing listens on port %d" % port)


class Server:
    """A process tree with its CPU seconds and memory."""

    def __init__(self, command, port, log):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.port = port
        wait_for(port, self.process)

    def pids(self):
        pids = [self.process.pid]
        for pid in pids:
            with open("/proc/%d/task/%d/children" % (pid, pid)) as children:
                pids += [int(child) for child in children.read().split()]
        return pids

    def cpu_seconds(self):
        ticks = 0
        for pid in self.pids():
            fields = open("/proc/%d/stat" % pid).read().rsplit(") ", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self, field):
        """`VmRSS`, `RssAnon` or `RssFile` in MiB."""
        total = 0
        for pid in self.pids():
            for line in open("/proc/%d/status" % pid):
                if line.startswith(field + ":"):
                    total += int(line.split()[1])
        return total / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


def need(tool):
    path = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/usr/local/sbin")
    if not path:
        raise SystemExit("the benchmark needs %s: apt-get install nginx-light docker-registry wrk openssl curl" % tool)
    return path


def certificate(folder):
    subprocess.run([need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", folder + "/key.pem", "-out", folder + "/cert.pem", "-days", "2", "-subj", "/CN=localhost"],
                   check=True, capture_output=True)


def nginx(folder, files, log):
    """nginx with sendfile, two workers, no access log: its best case."""
    root = folder + "/www"
    for path, (content, media_type) in files.items():
        target = root + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content)
    plain, tls = free_port(), free_port()
    with open(folder + "/nginx.conf", "w") as conf:
        conf.write("""daemon off; worker_processes 2; pid %(f)s/nginx.pid; error_log %(f)s/nginx.log;
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; open_file_cache max=100; keepalive_requests 10000000;
  client_body_temp_path %(f)s/t; proxy_temp_path %(f)s/t; fastcgi_temp_path %(f)s/t; uwsgi_temp_path %(f)s/t; scgi_temp_path %(f)s/t;
  default_type application/octet-stream;
  server { listen 127.0.0.1:%(plain)d; listen 127.0.0.1:%(tls)d ssl; ssl_certificate %(f)s/cert.pem; ssl_certificate_key %(f)s/key.pem;
    root %(f)s/www; } }""" % {"f": folder, "plain": plain, "tls": tls})
    os.chmod(folder, 0o755)
    server = Server([need("nginx"), "-c", folder + "/nginx.conf"], plain, log)
    server.tls = tls
    return server


def reverse_proxy(folder, origin, log):
    """nginx that ends TLS before `origin`, with connections kept open: what one would put before a registry."""
    tls = free_port()
    with open(folder + "/reverse.conf", "w") as conf:
        conf.write("""daemon off; worker_processes 2; pid %(f)s/reverse.pid; error_log %(f)s/reverse.log;
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000;
  client_body_temp_path %(f)s/r; proxy_temp_path %(f)s/r; fastcgi_temp_path %(f)s/r; uwsgi_temp_path %(f)s/r; scgi_temp_path %(f)s/r;
  upstream origin { server 127.0.0.1:%(o)d; keepalive 64; keepalive_requests 10000000; }
  server { listen 127.0.0.1:%(t)d ssl; ssl_certificate %(f)s/cert.pem; ssl_certificate_key %(f)s/key.pem;
    location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0; } } }""" % {
            "f": folder, "o": origin, "t": tls})
    server = Server([need("nginx"), "-c", folder + "/reverse.conf"], tls, log)
    server.tls = tls
    return server


def distribution(folder, upstream_url, log):
    """Debian's docker-registry as a pull-through cache of the same upstream."""
    port = free_port()
    with open(folder + "/registry.yml", "w") as conf:
        conf.write("""version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s/registry}, delete: {enabled: true}, cache: {blobdescriptor: inmemory}}
http: {addr: '127.0.0.1:%d'}
proxy: {remoteurl: '%s'}
""" % (folder, port, upstream_url))
    return Server([need("docker-registry"), "serve", folder + "/registry.yml"], port, log)


def lazaret(binary, folder, upstream_url, log):
    """Lazaret with a policy that allows what the benchmark pulls and an upstream on loopback."""
    mirror, gateway, admin, proxy = (free_port() for _ in range(4))
    with open(folder + "/policy.toml", "w") as policy:
        policy.write("""version = 1
mode = "enforce"
platforms = ["linux/amd64"]
[names]
registries = ["docker.io"]
[config.bench]
root_user = "warn"
[default]
unsigned = "allow"
config = "bench"
""")
    with open(folder + "/lazaret.toml", "w") as conf:
        conf.write("""data_dir = "%(f)s/data"
policy = "policy.toml"
[mirror]
listen = "127.0.0.1:%(m)d"
[gateway]
listen = "127.0.0.1:%(g)d"
tls_certificate = "cert.pem"
tls_key = "key.pem"
registry_names = true
[proxy]
listen = "127.0.0.1:%(p)d"
[admin]
listen = "127.0.0.1:%(a)d"
[cache]
tag_freshness = "1h"
[log]
level = "warn"
[upstream]
include_defaults = false
[[registry]]
host = "docker.io"
url = "%(u)s"
plain_http = true
""" % {"f": folder, "m": mirror, "g": gateway, "a": admin, "p": proxy, "u": upstream_url})
    server = Server([binary, "serve", "--config", folder + "/lazaret.toml"], mirror, log)
    wait_for(gateway, server.process)
    wait_for(proxy, server.process)
    server.tls, server.proxy = gateway, proxy
    return server
