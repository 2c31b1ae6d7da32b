import hashlib
import io
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import zipfile
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from minibatch.errors import UserError
from minibatch.sgd import surrogate
from minibatch.stages import download
from minibatch.stages.download import Failure, fetch, verified

NAME = "airfoil_self_noise.dat"
SHA1 = "d9dfd00ed1ff52487b87aceb5ff20462d8e0801c"
PORTAL = b"<!DOCTYPE html><html><title>Welcome to the hotel</title></html>"
PATIENCE = 5.0


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No local copy, and no proxy before the servers of the tests."""
    monkeypatch.delenv("MINIBATCH_DATA_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(scope="module")
def normal(dataset):
    """The dataset with \\n as line ending."""
    return dataset.replace(b"\r\n", b"\n")


@pytest.fixture
def serve():
    """Start an HTTP server for one answer; gives its address, and counts in `serve.requests`."""
    servers = []

    def serve(body=b"", status=200, *, length=None, path="/table.dat", **headers):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                serve.requests += 1
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) if length is None else length))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}{path}"

    serve.requests = 0
    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def refusing():
    """An address where nothing listens."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/table.dat"


@pytest.fixture
def trickle():
    """Start a server that accepts, sends some parts in intervals, and then nothing any more."""
    over, opened = threading.Event(), []

    def answer(listener, parts, interval):
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                opened.append(connection)
                threading.Thread(target=send, args=(connection, parts, interval)).start()

    def send(connection, parts, interval):
        with suppress(OSError):
            for part in parts:
                if over.wait(interval):
                    return
                connection.sendall(part)

    def start(parts=(), interval=0.0):
        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)
        threading.Thread(target=answer, args=(listener, parts, interval)).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/table.dat"

    yield start
    over.set()
    for one in opened:
        with closing(one), suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def zipped(**members):
    """A zip archive of files by name; the ending .dat is left out."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.dat", content)
    return stream.getvalue()


def changed(content, position, mask=0xFF):
    changed = bytearray(content)
    changed[position] ^= mask
    return bytes(changed)


def failure(address, patience=PATIENCE):
    """Why an address gave no dataset, in one line."""
    with pytest.raises(Failure) as caught:
        verified(fetch(address, patience))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def made(folder, *sources, offline="surrogate"):
    """Run the stage; gives the content of the table, and what stands beside it."""
    output = folder / "airfoil.dat"
    download.make({"sources": list(sources), "offline": offline}, [], output)
    return output.read_bytes(), json.loads((folder / "airfoil.json").read_text())


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_dataset_is_recognised_with_every_line_ending(normal, end):
    assert verified(normal.replace(b"\n", end)) == normal
    assert hashlib.sha1(normal).hexdigest() == SHA1


@pytest.mark.parametrize("position", [0, 1000, -1])
def test_one_changed_byte_is_refused_with_the_digest_expected_and_found(normal, position):
    wrong = changed(normal, position, mask=0x01)
    with pytest.raises(Failure) as caught:
        verified(wrong)
    found = hashlib.sha1(wrong).hexdigest()
    assert str(caught.value) == (f"refused, not the dataset: SHA-1 expected {SHA1}, found {found}")


def test_an_address_gives_what_it_serves(serve, dataset):
    assert fetch(serve(dataset), PATIENCE) == dataset


def test_a_redirection_is_followed(serve, dataset):
    target = serve(dataset)
    assert fetch(serve(status=302, Location=target), PATIENCE) == dataset


@pytest.mark.parametrize("line_ending", [b"\n", b"\r\n"])
def test_a_zip_archive_gives_the_dataset_in_it(serve, normal, line_ending):
    content = normal.replace(b"\n", line_ending)
    archive = zipped(readme=b"read me", airfoil_self_noise=content)
    assert fetch(serve(archive), PATIENCE) == content


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 404}, "404 Client Error: Not Found for url: http://127.0.0.1"),
        ({"status": 500}, "500 Server Error: Internal Server Error for url: http://127.0.0.1"),
        ({"body": b"half a ta", "length": 1000}, "9 bytes read, 991 more expected"),
        ({"body": PORTAL}, hashlib.sha1(PORTAL).hexdigest()),
        ({"body": b""}, hashlib.sha1(b"").hexdigest()),
        ({"body": bytes(10_000_001)}, "refused, not the dataset: longer than 10,000,000 bytes"),
        ({"body": b"plain", "Content_Encoding": "gzip"}, "failed to decode it"),
        ({"status": 302, "Location": "/table.dat"}, "Exceeded 30 redirects"),
        ({"body": zipped(readme=b"read me")}, f"no zip archive with {NAME} in it"),
        ({"body": b"PK\x03\x04 and no more"}, f"no zip archive with {NAME} in it"),
        ({"body": zipped(airfoil_self_noise=b"800\t0\n")}, "refused, not the dataset: SHA-1"),
    ],
    ids=[
        "not found",
        "server error",
        "cut short",
        "captive portal",
        "empty",
        "too long",
        "undecodable",
        "redirected in a circle",
        "zip without the file",
        "no zip after all",
        "zip with another file of that name",
    ],
)
def test_an_answer_that_is_not_the_dataset_is_refused_in_one_line_with_the_reason(
    serve, answer, said
):
    assert said in failure(serve(**answer))


def test_a_body_that_never_ends_is_refused(trickle):
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    endless = trickle([head, *[bytes(1_000_000)] * 1000])
    assert "longer than 10,000,000 bytes" in failure(endless)


def test_a_zip_archive_that_unpacks_to_far_more_is_refused_before_it_fills_the_memory(serve):
    unpacked = 100_000_000
    address = serve(zipped(airfoil_self_noise=bytes(unpacked)))
    tracemalloc.start()
    try:
        assert "refused, not the dataset" in failure(address)
        assert tracemalloc.get_traced_memory()[1] < unpacked / 2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("mask", [0x01, 0x08, 0x80, 0xFF])
def test_a_zip_archive_that_is_damaged_anywhere_is_refused_or_gives_the_dataset(normal, mask):
    archive = zipped(airfoil_self_noise=normal)
    ends = [*range(60), *range(len(archive) - 130, len(archive))]
    refused = 0
    for position in [*ends, *range(60, len(archive), 400)]:
        try:
            assert verified(download._unzip(changed(archive, position, mask))) == normal
        except Failure as failure:
            refused += "\n" not in str(failure)
    assert refused > 50


def test_a_connection_that_is_refused_is_said_in_one_line(refusing):
    assert "Connection refused" in failure(refusing)


@pytest.mark.parametrize(
    "address",
    ["http://", "http://[::1/x", "http://a..b/x", "http://127.0.0.1:99999/", "http://.x/"],
)
def test_an_address_that_is_none_is_a_failure_of_that_source_and_no_crash(address):
    assert failure(address)


HEAD = [b"HTTP/1.1 200 OK\r\n", b"Content-Length: 1000\r\n\r\n"]


@pytest.mark.parametrize(
    ("parts", "interval"),
    [([], 0), ([b"HTTP/1.1 "], 0), ([*HEAD, b"800\t0"], 0), ([b"H"] * 1000, 0.05)],
    ids=["silent", "silent after a word", "silent after the first bytes", "too slow to begin"],
)
def test_a_server_that_falls_silent_is_given_up_when_patience_ends(trickle, parts, interval):
    patience = 1.0
    start = time.monotonic()
    with pytest.raises(Failure):
        fetch(trickle(parts, interval), patience)
    assert 0.4 < (time.monotonic() - start) / patience < 1.4


def test_the_stage_gives_up_within_20_seconds_where_no_server_answers(
    tmp_path, trickle, monkeypatch
):
    shipped, reduced = download.SILENCE_SECONDS, 1.0
    monkeypatch.setattr(download, "SILENCE_SECONDS", reduced)
    start = time.monotonic()
    _, about = made(tmp_path, *[trickle() for _ in range(4)])
    assert shipped * (time.monotonic() - start) / reduced < 20
    assert len(about["failures"]) == 4


def test_sources_are_tried_in_order_until_one_gives_the_dataset(
    tmp_path, serve, refusing, dataset, normal
):
    portal, good, other = serve(PORTAL), serve(dataset), serve(dataset)
    content, about = made(tmp_path, refusing, portal, good, other)
    assert content == normal
    assert serve.requests == 2
    assert about["address"] == good
    assert list(about["failures"]) == [refusing, portal]
    assert "Connection refused" in about["failures"][refusing]
    assert hashlib.sha1(PORTAL).hexdigest() in about["failures"][portal]


def test_beside_the_dataset_stands_where_it_came_from_and_when(tmp_path, serve, dataset):
    address = serve(dataset)
    _, about = made(tmp_path, address)
    retrieved = datetime.fromisoformat(about.pop("retrieved"))
    assert retrieved.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - retrieved) < timedelta(minutes=1)
    assert about == {"address": address, "surrogate": False, "failures": {}}
    assert sorted(os.listdir(tmp_path)) == ["airfoil.dat", "airfoil.json"]


def test_the_folder_of_the_environment_comes_first(tmp_path, serve, dataset, normal, monkeypatch):
    (tmp_path / NAME).write_bytes(dataset)
    monkeypatch.setenv("MINIBATCH_DATA_DIR", str(tmp_path))
    content, about = made(tmp_path / "out", serve(dataset))
    assert content == normal
    assert serve.requests == 0
    assert about["address"] == f"MINIBATCH_DATA_DIR={tmp_path / NAME}"


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_without_the_dataset_is_a_failure_before_the_addresses(
    tmp_path, serve, dataset, monkeypatch, there
):
    if there:
        (tmp_path / NAME).write_bytes(changed(dataset, 0))
    monkeypatch.setenv("MINIBATCH_DATA_DIR", str(tmp_path))
    address = serve(dataset)
    _, about = made(tmp_path / "out", address)
    assert about["address"] == address
    [(local, reason)] = about["failures"].items()
    assert local == f"MINIBATCH_DATA_DIR={tmp_path / NAME}"
    assert ("SHA-1" if there else "No such file or directory") in reason


def test_without_any_source_a_surrogate_is_made_and_marked(tmp_path, refusing):
    content, about = made(tmp_path, refusing)
    table = np.loadtxt(io.BytesIO(content), delimiter="\t")
    np.testing.assert_array_equal(table, surrogate.table())
    assert about["surrogate"] is True
    assert about["address"] is None
    assert "Connection refused" in about["failures"][refusing]


def test_without_addresses_a_surrogate_is_made(tmp_path):
    assert made(tmp_path)[1]["surrogate"] is True


def test_a_wrong_file_never_reaches_the_output(tmp_path, serve, dataset):
    wrong = changed(dataset, 100)
    with pytest.raises(UserError):
        made(tmp_path, serve(wrong), offline="fail")
    assert os.listdir(tmp_path) == []
    content, _ = made(tmp_path, serve(wrong))
    assert content[:500] != wrong[:500]


def test_where_it_must_not_go_on_without_the_data_it_ends_with_one_line(tmp_path, serve, refusing):
    portal = serve(PORTAL)
    with pytest.raises(UserError) as caught:
        made(tmp_path, refusing, portal, offline="fail")
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"no source gave the dataset ({refusing}: ")
    assert f"; {portal}: refused, not the dataset: SHA-1 expected {SHA1}" in said
    assert "MINIBATCH_DATA_DIR" in said


@pytest.mark.parametrize("offline", ["surrogate", "fail"])
def test_a_dataset_that_is_there_stays_where_no_source_answers(
    tmp_path, serve, refusing, dataset, normal, offline, caplog
):
    before = made(tmp_path, serve(dataset))
    assert made(tmp_path, refusing, offline=offline) == before
    assert before[0] == normal
    [warning] = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert refusing in warning
    assert "the one here stays" in warning


def test_a_damaged_dataset_that_is_there_does_not_stay(tmp_path, serve, refusing, dataset):
    content, _ = made(tmp_path, serve(dataset))
    (tmp_path / "airfoil.dat").write_bytes(changed(content, 0))
    assert made(tmp_path, refusing)[1]["surrogate"] is True


def test_a_surrogate_that_is_there_gives_way_to_the_dataset(
    tmp_path, serve, refusing, dataset, normal
):
    made(tmp_path, refusing)
    content, about = made(tmp_path, serve(dataset))
    assert content == normal
    assert about["surrogate"] is False


@pytest.mark.usefixtures("package_on_path")
class TestOnTheCommandLine:
    def run(self, folder, *sources, offline):
        parameters = json.dumps({"sources": sources, "offline": offline})
        command = [sys.executable, "-m", "minibatch.stages.download"]
        return subprocess.run(
            [*command, "--parameters", parameters, "--output", f"{folder}/airfoil.dat"],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_a_surrogate_is_announced_with_each_address_and_why_it_failed(
        self, tmp_path, serve, refusing
    ):
        portal = serve(PORTAL)
        done = self.run(tmp_path, refusing, portal, offline="surrogate")
        assert done.returncode == 0
        warnings = [line for line in done.stderr.splitlines() if line.startswith("warning:")]
        assert "SURROGATE DATA" in warnings[0]
        assert refusing in warnings[1]
        assert "Connection refused" in warnings[1]
        assert portal in warnings[2]
        assert hashlib.sha1(PORTAL).hexdigest() in warnings[2]

    def test_a_failure_is_one_line_after_the_attempts_and_exit_code_1(self, tmp_path, refusing):
        done = self.run(tmp_path, refusing, offline="fail")
        assert done.returncode == 1
        trying, why, error = done.stderr.splitlines()
        assert trying == f"Trying {refusing}"
        assert "Connection refused" in why
        assert error.startswith("error: no source gave the dataset")
        assert os.listdir(tmp_path) == []

    def test_the_reader_sees_each_address_and_how_much_arrived(self, tmp_path, serve, dataset):
        address = serve(dataset)
        done = self.run(tmp_path, address, offline="fail")
        assert done.returncode == 0
        assert done.stderr.splitlines() == [f"Trying {address}", "  received 59984 bytes"]
