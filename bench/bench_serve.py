"""What the HTTP service costs beside the call it serves, in one run.

    python bench/bench_serve.py [messages]

For a signed message of 2, 20 and 200 KB: CPU per message of `avowal.verdict` in this process,
and of `avowal serve` on a unix socket with four clients that keep their connections, with
the messages that one core so judges in a second.  DNS is answered from a zone.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from corpus import message

import avowal
from avowal.testing import RSA_2048, Zone, record_for

COMMAND = [sys.executable, "-c", "from avowal.cli import main; main()", "serve"]
NAMES = {
    "s1._domainkey.example.com": record_for(RSA_2048),
    "_dmarc.example.com": "v=DMARC1; p=none",
}
CLIENTS = 4
ROUNDS = 3


class Connection(http.client.HTTPConnection):
    """A connection over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"{'':8}{'the call, µs':>14}{'serve, µs':>12}{'times':>8}{'a second, one core':>20}")
    with tempfile.TemporaryDirectory(prefix="avowal-bench-") as folder:
        (Path(folder) / "zone.json").write_text(json.dumps(NAMES))
        path = f"{folder}/s"
        arguments = ["--socket", f"unix:{path}", "--zone", f"{folder}/zone.json"]
        with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            process.stderr.readline()
            for name in ("t2k", "h20k", "a200k"):
                show(
                    name, message(name), path, process.pid, max(number // (name.count("0") + 1), 1)
                )
            process.terminate()


def show(name: str, text: bytes, path: str, pid: int, number: int) -> None:
    octets = avowal.sign(text, domain="example.com", selector="s1", key=RSA_2048) + text
    zone = Zone(NAMES)
    ours = theirs = float("inf")
    for _ in range(ROUNDS):
        before = time.process_time()
        for _ in range(number):
            assert avowal.verdict(octets, zone).authentic
        ours = min(ours, (time.process_time() - before) / number)
        start = cpu(pid)
        load(path, octets, number)
        theirs = min(theirs, (cpu(pid) - start) / number)
    print(f"{name:8}{ours * 1e6:14.0f}{theirs * 1e6:12.0f}{theirs / ours:8.1f}{1 / theirs:20.0f}")


def load(path: str, octets: bytes, number: int) -> None:
    def ask() -> None:
        connection = Connection(path)
        for _ in range(number // CLIENTS):
            connection.request("POST", "/verdict", octets, {"Content-Type": "message/rfc822"})
            response = connection.getresponse()
            assert json.loads(response.read())["answer"] == "authentic"
        connection.close()

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


def cpu(pid: int) -> float:
    """Seconds of processor time."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / 100


if __name__ == "__main__":
    main()
