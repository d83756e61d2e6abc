"""What a signature check adds to a cold pull: the same images with and without it, over a link with a delay.

`make bench-signed`. Needs what tests/interop/signers.py needs; docs/performance.md has the figures.
"""
import asyncio
import json
import os
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/interop"))
import conformance
if os.environ.get('BENCH_LAZARET'): conformance.LAZARET = Path(os.environ['BENCH_LAZARET'])
import signers

IMAGES = int(os.environ.get("BENCH_IMAGES", "20"))
# One way, in seconds: a registry that is 50 ms away.
DELAY = float(os.environ.get("BENCH_DELAY", "0.025"))
MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"


class Link:
    """A relay that delays every piece of both directions."""

    def __init__(self, to: int):
        self.to, self.port, self.dialled = to, None, 0
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.run(ready)), daemon=True).start()
        ready.wait()

    async def run(self, ready):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await server.serve_forever()

    async def serve(self, reader, writer):
        self.dialled += 1
        there, back = await asyncio.open_connection("127.0.0.1", self.to)
        # A connection costs a round trip before its first byte.
        await asyncio.sleep(2 * DELAY)
        await asyncio.gather(self.pump(reader, back), self.pump(there, writer))

    async def pump(self, reader, writer):
        late = asyncio.Queue()

        async def write():
            while (piece := await late.get()) is not None:
                at, bytes_ = piece
                await asyncio.sleep(max(0, at - time.monotonic()))
                writer.write(bytes_)
                await writer.drain()
            writer.close()

        writing = asyncio.create_task(write())
        while bytes_ := await reader.read(65536):
            late.put_nowait((time.monotonic() + DELAY, bytes_))
        late.put_nowait(None)
        await writing


def cold(port: int, repository: str) -> float:
    begun = time.monotonic()
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/v2/ghcr.io/{repository}/manifests/1", headers={"Accept": MANIFESTS})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        manifest = json.load(answer)
    for blob in [manifest["config"], *manifest["layers"]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/ghcr.io/{repository}/blobs/{blob['digest']}", timeout=60) as answer:
            answer.read()
    return time.monotonic() - begun


def main() -> int:
    children = []
    with tempfile.TemporaryDirectory(prefix="lazaret-bench-") as folder:
        try:
            lab = signers.Signers(Path(folder), children)
            for kind in ["signed", "plain"]:
                for number in range(IMAGES + 1):
                    repository = f"{kind}/{number}"
                    digest = lab.writer.image(repository, "1", user=str(1000 + number), oci=True)["digest"]
                    if kind == "signed" and not lab.sign("cosign 3", "p256", repository, digest):
                        return 1
            link = Link(lab.registry)
            lab.registry = link.port
            lab.serve(children, '[[rule]]\nmatch = ["ghcr.io/signed/*"]\nsigned_by = ["p256"]\n'
                                '[[rule]]\nmatch = ["ghcr.io/plain/*"]\nunsigned = "allow"\n')
            times = {"signed": [], "plain": []}
            for number in range(IMAGES + 1):
                for kind in times:
                    took = cold(lab.gateway, f"{kind}/{number}")
                    # The first of each opens connections.
                    if number:
                        times[kind].append(took * 1000)
            signed, plain = (statistics.median(times[kind]) for kind in ["signed", "plain"])
            print(f"cold pull of a small image, registry {2000 * DELAY:.0f} ms away, median of {IMAGES}:")
            print(f"  with a signature required {signed:8.1f} ms\n  without                   {plain:8.1f} ms")
            print(f"  it adds {signed - plain:.1f} ms = {(signed - plain) / (2000 * DELAY):.1f} round trips; ratio {signed / plain:.2f}")
        finally:
            for child in children:
                child.kill()
                child.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
