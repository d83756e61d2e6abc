"""A registry that serves one image and counts the bytes it sends: the upstream of the benchmarks."""
import hashlib
import http.server
import json
import os
import threading

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Image:
    """A configuration, one layer of random bytes and the manifest that joins them."""

    def __init__(self, layer_bytes):
        self.layer = os.urandom(1 << 20) * (layer_bytes >> 20)
        config = {"architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
                  "config": {"User": "1000"}, "rootfs": {"type": "layers", "diff_ids": [digest(self.layer)]}}
        self.config = json.dumps(config).encode()
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self._descriptor(CONFIG, self.config),
                    "layers": [self._descriptor(LAYER, self.layer)],
                    # Pads the manifest to the size of a usual one with a dozen layers.
                    "annotations": {"org.opencontainers.image.description": "x" * 2000}}
        self.manifest = json.dumps(manifest).encode()
        self.blobs = {digest(blob): blob for blob in (self.config, self.layer)}

    @staticmethod
    def _descriptor(media_type, content):
        return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


class Upstream:
    """Serves `images` by repository name on a loopback port."""

    def __init__(self, images):
        self.images, self.sent, self.lock = images, 0, threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.answer(self, True)

            def do_HEAD(self):
                outer.answer(self, False)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request, with_body):
        parts = request.path.split("?")[0].split("/")
        content, media_type = None, "application/json"
        if request.path.rstrip("/") == "/v2":
            content = b"{}"
        elif len(parts) > 4:
            image = self.images.get("/".join(parts[2:-2]))
            if image and parts[-2] == "manifests":
                content, media_type = image.manifest, MANIFEST
            elif image and parts[-2] == "blobs":
                content, media_type = image.blobs.get(parts[-1]), "application/octet-stream"
        request.send_response(200 if content is not None else 404)
        request.send_header("Content-Type", media_type)
        request.send_header("Content-Length", str(len(content or b"")))
        if content is not None and parts[-2] == "manifests":
            request.send_header("Docker-Content-Digest", digest(content))
        request.end_headers()
        if content is not None and with_body:
            request.wfile.write(content)
            with self.lock:
                self.sent += len(content)
