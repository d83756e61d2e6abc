"""What a signature check adds to a cold pull: the same images with and without it, over a link with a delay.

`make bench-signed`. Needs what tests/interop/signers.py needs; docs/performance.md has the figures.
"""
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/interop"), str(ROOT / "bench")]
import conformance
if os.environ.get('BENCH_LAZARET'): conformance.LAZARET = Path(os.environ['BENCH_LAZARET'])
import signers
from link import Link

IMAGES = int(os.environ.get("BENCH_IMAGES", "20"))
# One way, in seconds: a registry that is 50 ms away.
DELAY = float(os.environ.get("BENCH_DELAY", "0.025"))
MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"


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
            link = Link(lab.registry, DELAY)
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
