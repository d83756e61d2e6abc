#!/usr/bin/env python3
"""A blocked pull by a real client becomes messages that other people's programs understand, and a page that a browser
shows: the signature by Standard Webhooks' own library, the event by CloudEvents' own, letters by a real mail server over
STARTTLS, lines by a real log server, the page by Chromium. Prints the time from the refusal to each message."""

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lab import Failure, wait_for
from waiting import PATIENCE, end, free_port, listens, wait_up
from newer import CACHE

# What PyPI has of it, and the versions.
LIBRARIES = ("aiosmtpd==1.4.6", "standardwebhooks==1.0.0", "cloudevents==1.12.0")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SQUAT = "library/ngnix:latest"
# Of the browser: seconds that a page may take, and how often it is started for one.
BROWSING, STARTS = 90, 3
# What the docker command is told to pull: another name, so that it is another message.
DOCKER_SQUAT = "postgers"

arrived: dict[str, list] = {}
changed = threading.Condition()


def note(channel: str, what):
    with changed:
        arrived.setdefault(channel, []).append((time.monotonic(), what))
        changed.notify_all()


def wait(channel: str, words: bytes = b""):
    """The first message, or the first with these words."""
    def first():
        said = (one for one in arrived.get(channel, []) if not words or words in one[1][1])
        return next(said, None)

    with changed:
        found = changed.wait_for(first, PATIENCE)
    if not found:
        raise SystemExit(f"{channel}: nothing arrived in {PATIENCE} s")
    return found


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        note(self.path.strip("/").split("/")[0], (dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def libraries():
    """Runs this script anew where the libraries are."""
    home = CACHE / "notices-1"
    python = home / "bin" / "python3"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([home / "bin" / "pip", "install", "-q", "--disable-pip-version-check", *LIBRARIES], check=True)
    if Path(sys.prefix) != home:
        os.execv(python, [python, *sys.argv])


def certificate(folder: Path) -> tuple[Path, Path]:
    cert, key = folder / "mail.pem", folder / "mail.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"],
                   check=True, stderr=subprocess.DEVNULL)
    return cert, key


def mail_server(cert: Path, key: Path):
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult, LoginPassword

    class Keep:
        async def handle_DATA(self, server, session, envelope):
            note("mail", (session.ssl is not None, envelope.rcpt_tos, envelope.content))
            return "250 kept"

    def who(server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"lazaret", b"secret word")
        return AuthResult(success=good)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    controller = Controller(Keep(), hostname="127.0.0.1", port=free_port(), tls_context=context, require_starttls=True,
                            auth_required=True, authenticator=who)
    controller.start()
    return controller


def log_server() -> int:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            connection, _ = listener.accept()
            with connection:
                text = b""
                while part := connection.recv(65536):
                    text += part
                note("syslog", text)

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def settings(folder: Path, hook: int, mail: int, log: int, cert: Path) -> tuple[Path, int, int]:
    mirror, admin = free_port(), free_port()
    (folder / "hook.secret").write_text(SECRET)
    (folder / "key").write_text("key")
    (folder / "smtp.password").write_text("secret word\n")
    config = folder / "lazaret.toml"
    config.write_text(f'''
data_dir = "{folder}/data"
external_url = "http://127.0.0.1:{admin}"
[mirror]
listen = "127.0.0.1:{mirror}"
[admin]
listen = "127.0.0.1:{admin}"
[upstream]
fetch_advisories = false
refresh_roots = false
[notify.slack]
kind = "slack"
url = "http://127.0.0.1:{hook}/slack"
[notify.teams]
kind = "teams"
url = "http://127.0.0.1:{hook}/teams"
[notify.webhook]
kind = "webhook"
url = "http://127.0.0.1:{hook}/webhook"
secret_file = "hook.secret"
[notify.pager]
kind = "pagerduty"
url = "http://127.0.0.1:{hook}/pagerduty"
key_file = "key"
[notify.alerts]
kind = "opsgenie"
url = "http://127.0.0.1:{hook}/opsgenie"
key_file = "key"
[notify.mail]
kind = "mail"
server = "127.0.0.1:{mail}"
username = "lazaret"
password_file = "smtp.password"
from = "lazaret@acme.example"
to = ["security@acme.example"]
ca_file = "{cert}"
[notify.log]
kind = "syslog"
server = "tcp://127.0.0.1:{log}"
[hook.keep]
kind = "exec"
command = ["/bin/sh", "-c", "cat > {folder}/hook.new && mv {folder}/hook.new {folder}/hook.json"]
events = ["blocked"]
''')
    return config, mirror, admin


def check(name: str, *conditions):
    if not all(conditions):
        raise SystemExit(f"{name}: {conditions}: {arrived.get(name)}")


def checks(id_: str):
    from cloudevents.http import from_http
    from standardwebhooks import Webhook

    _, (headers, body) = wait("webhook")
    lower = {name.lower(): value for name, value in headers.items()}
    Webhook(SECRET).verify(body, lower)
    event = from_http(lower, body)
    check("webhook", event["type"] == "lazaret.blocked", event["subject"] == "docker.io/library/ngnix:latest",
          event["id"] == lower["webhook-id"], event.data["why"].endswith(id_), event.data["codes"] == ["name-squat"])
    try:
        Webhook(SECRET).verify(body + b" ", lower)
    except Exception:
        pass
    else:
        raise SystemExit("a changed body passes")

    slack = json.loads(wait("slack")[1][1])
    check("slack", slack["text"] == "Pull blocked: docker.io/library/ngnix:latest", id_ in json.dumps(slack))
    card = json.loads(wait("teams")[1][1])["attachments"][0]["content"]
    check("teams", card["type"] == "AdaptiveCard", card["actions"][0]["url"].endswith(id_))
    pager = json.loads(wait("pagerduty")[1][1])
    check("pagerduty", pager["event_action"] == "trigger", pager["payload"]["severity"] == "error", len(pager["dedup_key"]) == 32)
    alert = json.loads(wait("opsgenie")[1][1])
    check("opsgenie", alert["alias"] == pager["dedup_key"], len(alert["message"]) <= 130, id_ in alert["description"])

    _, (secure, to, raw) = wait("mail")
    letter = message_from_bytes(raw, policy=policy.default)
    plain, html = letter.get_body(("plain",)).get_content(), letter.get_body(("html",)).get_content()
    check("mail", secure, to == ["security@acme.example"], letter["subject"] == "Pull blocked: docker.io/library/ngnix:latest",
          letter["auto-submitted"] == "auto-generated", "did you mean docker.io/library/nginx" in plain, id_ in plain, id_ in html)
    line = wait("syslog")[1].decode()
    count, rest = line.split(" ", 1)
    check("syslog", int(count) == len(rest.encode()), rest.startswith("<131>1 "), "Pull blocked" in rest)


def pulled_by_docker(folder: Path, mirror: int) -> tuple[float, str]:
    """A dockerd of its own, with Lazaret as its mirror; when the docker command was refused, and its words."""
    socket_, config = folder / "docker.sock", folder / "daemon.json"
    config.write_text(json.dumps({
        "registry-mirrors": [f"http://127.0.0.1:{mirror}"], "hosts": [f"unix://{socket_}"], "bridge": "none", "iptables": False,
        "ip6tables": False, "storage-driver": "vfs", "data-root": str(folder / "docker"), "exec-root": str(folder / "exec"),
        "pidfile": str(folder / "docker.pid"),
    }))
    # In namespaces of its own, so that whatever it starts ends with it.
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
            'mount -t tmpfs tmpfs /run && exec "$@"', "sh", "/usr/sbin/dockerd", "--config-file", str(config)]
    with (folder / "dockerd.log").open("w") as log:
        daemon = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                  env={"PATH": os.environ["PATH"], "DOCKER_MIN_API_VERSION": "1.24"})
    docker = ["/usr/bin/docker", "-H", f"unix://{socket_}"]
    try:
        up = lambda: subprocess.run([*docker, "version"], capture_output=True).returncode == 0
        wait_up("dockerd", daemon, folder / "dockerd.log", up)
        pull = subprocess.run([*docker, "pull", DOCKER_SQUAT], capture_output=True, text=True, timeout=PATIENCE)
        refused = time.monotonic()
    finally:
        end(daemon)
    if pull.returncode == 0:
        raise SystemExit("docker pull went through")
    return refused, pull.stdout + pull.stderr


def docker_case(folder: Path, mirror: int):
    refused, said = pulled_by_docker(folder, mirror)
    arrived_at, (_, body) = wait("slack", DOCKER_SQUAT.encode())
    slack = json.loads(body)
    text = json.dumps(slack)
    id_ = re.search(r"/why/(\w{26})", text)
    if slack["text"] != f"Pull blocked: docker.io/library/{DOCKER_SQUAT}:latest" or not id_ or "docker/" not in text:
        raise SystemExit(f"slack after docker pull: {text}")
    if DOCKER_SQUAT not in said:
        raise SystemExit(f"docker pull: {said}")
    print(f"docker     {1000 * (arrived_at - refused):6.0f} ms from the end of a refused docker pull to Slack's message")


def heard(lazaret: Path, config: Path) -> bool:
    status = subprocess.run([lazaret, "notify", "status", "--config", config], capture_output=True, text=True)
    return status.returncode == 0 and "hook:keep: has heard of everything" in status.stdout


def browser(url: str, folder: Path) -> str:
    """The page as a browser has it after it was shown."""
    program = shutil.which("chromium")
    if not program:
        raise SystemExit("chromium is missing")
    # Its very first start on a machine has been seen to hang; another one then does not.
    for number in range(STARTS):
        child = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             f"--user-data-dir={folder}/browser-{number}", "--dump-dom", url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            page, said = child.communicate(timeout=BROWSING)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            continue
        if child.returncode != 0:
            raise SystemExit(f"chromium: {said[-800:]}")
        return page
    raise SystemExit(f"chromium: no page within {BROWSING} s, {STARTS} times")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lazaret", type=Path, default=Path("target/release/lazaret"))
    given = parser.parse_args()
    libraries()
    asyncio.set_event_loop(asyncio.new_event_loop())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        hooks = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        threading.Thread(target=hooks.serve_forever, daemon=True).start()
        cert, key = certificate(folder)
        mail = mail_server(cert, key)
        config, mirror, admin = settings(folder, hooks.server_port, mail.port, log_server(), cert)
        server = subprocess.Popen([given.lazaret, "serve", "--config", config], stderr=(folder / "log").open("w"))
        try:
            return run(given.lazaret, config, folder, mirror, admin)
        except (Failure, SystemExit) as why:
            print((folder / "log").read_text()[-3000:], file=sys.stderr)
            raise why
        finally:
            server.terminate()
            server.wait(PATIENCE)
            mail.stop()


def run(lazaret: Path, config: Path, folder: Path, mirror: int, admin: int) -> int:
    wait_for("the mirror listens", lambda: listens(mirror))
    pull = subprocess.run(["skopeo", "inspect", "--tls-verify=false", f"docker://127.0.0.1:{mirror}/{SQUAT}"],
                          capture_output=True, text=True)
    refused = time.monotonic()
    if pull.returncode == 0:
        raise SystemExit("the pull went through")
    why = subprocess.run([lazaret, "why", "--json", "--config", config, "docker.io/library/ngnix:latest"],
                         capture_output=True, text=True, check=True)
    id_ = json.loads(why.stdout)["id"]
    checks(id_)
    for channel in sorted(arrived):
        print(f"{channel:<10} {1000 * (arrived[channel][0][0] - refused):6.0f} ms after the client was refused")
        if len(arrived[channel]) != 1:
            raise SystemExit(f"{channel}: {len(arrived[channel])} messages")
    wait_for("the hook runs", (folder / "hook.json").exists)
    if json.loads((folder / "hook.json").read_text())["type"] != "lazaret.blocked":
        raise SystemExit("the hook got something else")
    docker_case(folder, mirror)
    wait_for("the hook has heard of everything", lambda: heard(lazaret, config))
    for name in ("slack", "mail", "log", "pager", "hook:keep"):
        subprocess.run([lazaret, "notify", "test", name, "--config", config], check=True, stdout=subprocess.DEVNULL)
    page = browser(f"http://127.0.0.1:{admin}/why/{id_}", folder)
    for words in ("<title>denied: docker.io/library/ngnix:latest", "name-squat", "did you mean docker.io/library/nginx",
                  "Under today’s policy", "Timeline", 'lang="en"', "<main"):
        if words not in page:
            raise SystemExit(f"the page lacks {words}: {page}")
    if "ngnix" not in browser(f"http://127.0.0.1:{admin}/?verdict=denied&image=ngnix", folder):
        raise SystemExit("the list of denied pulls lacks it")
    print("every channel, the hook and the pages are right")
    return 0


if __name__ == "__main__":
    sys.exit(main())
