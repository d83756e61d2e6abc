"""An adapter of Harbor's Pluggable Scanner API 1.1 over the real trivy, as picky and as slow as real ones are.

It fetches the image with skopeo, by the address and the credentials that it is told, and nothing else.
"""

import base64
import json
import subprocess
import tempfile
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

METADATA = "application/vnd.scanner.adapter.metadata+json; version=1.0"
REQUEST = "application/vnd.scanner.adapter.scan.request+json; version=1.0"
REPORT = "application/vnd.security.vulnerability.report; version=1.1"
CONSUMES = ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"]
KEY = "key-of-the-adapter"


class Adapter:
    """Listens on loopback; `trivy` makes a report of an OCI layout."""

    def __init__(self, trivy):
        self.trivy, self.jobs, self.asked = trivy, {}, []
        adapter = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def say(self, status, kind="application/json", body=None, **headers):
                text = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": kind, "Content-Length": str(len(text)), **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(text)

            def trusted(self) -> bool:
                adapter.asked.append(f"{self.command} {self.path}")
                if self.headers.get("X-ScannerAdapter-API-Key") == KEY:
                    return True
                self.say(401, body={"error": {"message": "who are you?"}})
                return False

            def do_GET(self):
                if not self.trusted():
                    return
                if self.path == "/api/v1/metadata":
                    capability = {"type": "vulnerability", "consumes_mime_types": CONSUMES, "produces_mime_types": [REPORT]}
                    self.say(200, METADATA, {"scanner": {"name": "Trivy", "vendor": "interop", "version": "1"},
                                             "capabilities": [capability],
                                             "properties": {"env.SCANNER_TRIVY_SEVERITY": "UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL"}})
                    return
                job = adapter.jobs.get(self.path.removeprefix("/api/v1/scan/").removesuffix("/report"))
                if job is None or self.headers.get("Accept") != REPORT:
                    self.say(404, body={"error": {"message": "no such scan"}})
                elif not job["done"].is_set():
                    self.say(302, Refresh_After="1", Location=self.path)
                elif "failed" in job:
                    self.say(500, body={"error": {"message": job["failed"]}})
                else:
                    self.say(200, REPORT, job["report"])

            def do_POST(self):
                if not self.trusted():
                    return
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Type") != REQUEST:
                    self.say(400, body={"error": {"message": "an unknown type"}})
                    return
                name = f"job-{len(adapter.jobs) + 1}"
                job = adapter.jobs[name] = {"done": threading.Event(), "request": json.loads(content)}
                threading.Thread(target=adapter.work, args=(job,), daemon=True).start()
                self.say(202, body={"id": name})

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def work(self, job):
        try:
            job["report"] = self.look(job["request"])
        except (OSError, subprocess.SubprocessError, ValueError, KeyError) as why:
            job["failed"] = str(why)
        finally:
            job["done"].set()

    def look(self, request) -> dict:
        registry, artifact = request["registry"], request["artifact"]
        kind, pair = registry["authorization"].split(" ", 1)
        if kind != "Basic":
            raise ValueError(f"credentials of kind {kind}")
        host = urllib.parse.urlsplit(registry["url"]).netloc
        image = f"docker://{host}/{artifact['repository']}@{artifact['digest']}"
        with tempfile.TemporaryDirectory() as folder:
            copied = subprocess.run(["skopeo", "copy", "--src-tls-verify=false", "--src-creds", base64.b64decode(pair).decode(),
                                     image, f"oci:{folder}/layout"], capture_output=True, text=True, timeout=60)
            if copied.returncode != 0:
                raise ValueError(copied.stderr[-300:])
            found = self.trivy(f"{folder}/layout")
        listed = [{"id": one["VulnerabilityID"], "package": one["PkgName"], "version": one["InstalledVersion"],
                   "fix_version": one.get("FixedVersion", ""), "severity": one["Severity"].capitalize(), "description": ""}
                  for result in found.get("Results", []) for one in result.get("Vulnerabilities", [])]
        return {"generated_at": "2026-01-01T00:00:00Z", "artifact": artifact, "severity": "Critical",
                "scanner": {"name": "Trivy", "vendor": "interop", "version": "1"}, "vulnerabilities": listed or None}
