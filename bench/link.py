"""A line between two places on one machine: so much delay, so many bytes a second, whatever the number of connections."""
import asyncio
import threading
import time

# Large enough that a busy machine keeps up with the rate, small enough that connections share it fairly.
PIECE = 64 << 10


class Link:
    """A relay to a port of loopback. `delay` is of one way, in seconds; `rate` in bytes a second of each way, or nothing."""

    def __init__(self, to: int, delay: float, rate: float | None = None):
        self.to, self.delay, self.rate = to, delay, rate
        self.port, self.dialled, self.carried = 0, 0, 0
        self.free = {}
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
        await asyncio.sleep(2 * self.delay)
        await asyncio.gather(self.pump("there", reader, back), self.pump("back", there, writer), return_exceptions=True)

    def slot(self, way: str, count: int) -> float:
        """When `count` bytes that come now have gone out at the line's rate."""
        now = time.monotonic()
        if self.rate:
            now = self.free[way] = max(now, self.free.get(way, 0)) + count / self.rate
        return now

    async def pump(self, way: str, reader, writer):
        late = asyncio.Queue()

        async def write():
            while (piece := await late.get()) is not None:
                at, bytes_ = piece
                await asyncio.sleep(max(0, at - time.monotonic()))
                writer.write(bytes_)
                await writer.drain()
            writer.close()

        writing = asyncio.create_task(write())
        try:
            while bytes_ := await reader.read(PIECE):
                self.carried += len(bytes_)
                sent = self.slot(way, len(bytes_))
                late.put_nowait((sent + self.delay, bytes_))
                # What has not gone out yet is not read: the sender feels the line.
                await asyncio.sleep(max(0, sent - time.monotonic()))
        finally:
            late.put_nowait(None)
            await writing
