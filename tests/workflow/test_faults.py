"""What goes wrong ends in a line that says so, and the next run makes it good."""

import json
import os
import platform
import shutil
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from project import GUARD_SECONDS, ROOT, Project, assert_same

GD, OTHER = "results/train/pytorch/cpu/gd.parquet", "results/train/pytorch/cpu/gd_tenth.parquet"
EXAMPLES = "results/data/examples.parquet"
VERDICTS = "results/verify/pytorch/cpu.parquet"


@pytest.fixture
def unfinished(finished):
    """A project in which one table is missing."""
    finished.remove(GD)
    return finished


def assert_healed(project, undisturbed):
    """The same files, and the same tables, as where nothing went wrong."""
    assert project.files().keys() == undisturbed.files().keys()
    assert_same(project.traces(), undisturbed.traces())


# Killed processes


@pytest.mark.parametrize("point", ["measuring", "writing"])
def test_a_killed_training_fails_the_run_and_the_next_makes_it(unfinished, undisturbed, point):
    unfinished.remove(OTHER)
    with unfinished.paused(point, GD, OTHER) as run:
        unfinished.stage().kill()
        unfinished.resume()
        assert run.finish() == 1
    assert len({GD, OTHER} & unfinished.files().keys()) == 1  # one failed, and the other went on
    unfinished.run(GD, OTHER)
    assert_healed(unfinished, undisturbed)


def test_after_a_killed_snakemake_the_next_waits_for_the_job_that_lives_on(unfinished, undisturbed):
    with unfinished.paused("writing", GD) as killed:
        killed.kill()
        killed.finish()
        orphan = unfinished.stage()
        with unfinished.started(GD) as run:
            run.wait_for(lambda: "Waiting for a job that a killed run left behind" in run.said())
            assert orphan.is_running()
            assert "Training" not in run.said()
            unfinished.resume()
            assert run.finish() == 0
    assert_healed(unfinished, undisturbed)


def test_what_the_job_of_a_killed_snakemake_finished_alone_is_made_again(unfinished, undisturbed):
    with unfinished.paused("writing", GD) as run:
        run.kill()
        run.finish()
        orphan = unfinished.stage()
        unfinished.resume()
        orphan.wait(GUARD_SECONDS)
    assert GD in unfinished.files()
    assert "1 of 1 steps" in unfinished.run(GD)
    assert_healed(unfinished, undisturbed)


def test_the_locks_of_a_killed_snakemake_and_its_killed_job_block_nothing(unfinished, undisturbed):
    with unfinished.paused("measuring", GD) as run:
        run.kill()
        unfinished.stage().kill()
    unfinished.resume()
    assert "Waiting" not in unfinished.run(GD)
    assert_healed(unfinished, undisturbed)


def test_an_interrupted_run_leaves_nothing_and_the_next_completes(unfinished, undisturbed):
    with unfinished.paused("writing", GD) as run:
        stage = unfinished.stage()
        os.killpg(run.pid, signal.SIGINT)  # as Ctrl-C does
        assert run.finish() == 1
        stage.wait(GUARD_SECONDS)
    assert unfinished.files().keys() == undisturbed.files().keys() - {GD}
    unfinished.resume()
    unfinished.run(GD)
    assert_healed(unfinished, undisturbed)


def test_a_second_run_is_refused_in_one_line_while_the_first_goes_on(unfinished, undisturbed):
    with unfinished.paused("measuring", GD) as first:
        said = unfinished.fail(GD)
        [line] = [line for line in said.splitlines() if "another snakemake" in line]
        holder = f"process {first.pid} on {platform.node()}"
        assert line.startswith(f"another snakemake ({holder}) is at work in this folder")
        assert "Training" not in said
        assert GD in unfinished.run("--dry-run", "--quiet=host", GD)
        assert unfinished.pending() > {GD}
        unfinished.resume()
        assert first.finish() == 0
    assert_healed(unfinished, undisturbed)


# A full disk


@pytest.fixture
def small(tmp_path, undisturbed):
    """An unfinished project alone on a disk of 64 MB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(tmp_path)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mounting a small disk is not permitted here: {mounted.stderr.strip()}")
    try:
        project = Project(tmp_path, undisturbed)
        project.remove(GD)
        yield project
        project.close()
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def fill(project):
    """Write until the disk is full; removing the file that it returns makes room again."""
    path = project.folder / "filling"
    with path.open("wb", buffering=0) as filling, pytest.raises(OSError, match="No space left"):
        filling.writelines(repeat(bytes(2**16)))
    return path


def test_a_full_disk_is_one_line_and_with_room_the_next_run_completes(small, undisturbed):
    filling = fill(small)
    before = small.files()
    assert f"error: {GD}: the disk is full; free some space" in small.fail(GD)
    assert small.files() == before

    filling.unlink()
    small.run(GD)
    assert_healed(small, undisturbed)


def test_a_disk_that_fills_up_is_a_clear_line_and_with_room_the_next_run_completes(
    small, undisturbed
):
    with small.paused("measuring", GD) as run:
        filling = fill(small)
        small.resume()
        assert run.finish() == 1
    assert f"error: {GD}: the disk is full; free some space" in run.said()
    assert GD not in small.files()
    filling.unlink()
    small.run(GD)
    assert_healed(small, undisturbed)


# The download


class Server(ThreadingHTTPServer):
    """Serves the dataset "whole", "half" (and then hangs up), or a "page" for it; or is "off"."""

    def __init__(self, content: bytes):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.mode = content, "whole"
        self.address = f"http://127.0.0.1:{self.server_port}/airfoil_self_noise.dat"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        mode, content = self.server.mode, self.server.content
        if mode == "off":
            self.send_error(503)
            return
        if mode == "page":
            content = b"<html>Please log in.</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if mode == "half" else content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    folders = [os.environ.get("MINIBATCH_DATA_DIR"), ROOT.parent / "shared/data"]
    found = [Path(folder) / "airfoil_self_noise.dat" for folder in folders if folder]
    real = next((path for path in found if path.is_file()), None)
    if real is None:
        pytest.skip("the real dataset is not here; MINIBATCH_DATA_DIR may name its folder")
    with Server(real.read_bytes()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def online(project, server):
    """A project in which nothing has run, and whose only source is the server."""
    project.configure(lambda config: config["dataset"].update(sources=[server.address]))
    return project


@pytest.mark.parametrize("mode", ["half", "page"])
def test_what_is_not_the_dataset_is_refused_and_the_next_run_fetches_it(online, server, mode):
    online.configure(lambda config: config["dataset"].update(offline="fail"))
    server.mode = mode
    said = online.fail(EXAMPLES)
    assert f"error: no source gave the dataset ({server.address}: " in said
    assert online.files() == {}

    server.mode = "whole"
    online.run(EXAMPLES)
    lines = server.content.replace(b"\r\n", b"\n")
    assert online.files()["results/data/airfoil.dat"] == lines


def test_with_the_network_back_the_real_data_replace_the_surrogate(online, server):
    products = "results/matmul/pytorch/cpu/1.parquet"
    server.mode = "off"
    assert "SURROGATE DATA" in online.run(GD, products)
    before = online.files()

    server.mode = "whole"
    assert "SURROGATE" not in online.run(GD, products, "--forcerun", "download")
    after = online.files()
    assert not json.loads(after["results/data/airfoil.json"])["surrogate"]
    checked = {f"results/verify/pytorch/{end}" for end in ("cpu/compiled.parquet", "cpu.json")}
    same = {path for path in after if after[path] == before[path]}
    assert same == {products, VERDICTS} | checked
    assert "Nothing to be done" in online.run(GD, products)


def test_without_network_the_real_data_stay(online, server):
    online.run(EXAMPLES)
    before = online.files()
    server.mode = "off"
    said = online.run("results/data/airfoil.dat", "--forcerun", "download")
    assert f"no source gave the dataset ({server.address}: " in said
    assert online.files() == before


# Damaged tables


def flip_a_byte(path):
    """In the middle of the losses."""
    metadata = pq.read_metadata(path)
    losses = metadata.row_group(0).column(metadata.schema.names.index("loss"))
    content = bytearray(path.read_bytes())
    content[losses.data_page_offset + losses.total_compressed_size // 2] ^= 255
    path.write_bytes(content)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-1000])


def save_with_pandas(path):
    pd.read_parquet(path).to_parquet(path)


def improve_a_loss(path):
    table = pq.read_table(path)
    losses = table["loss"].to_pylist()
    losses[-1] *= 0.999
    column = table.column_names.index("loss")
    pq.write_table(table.set_column(column, "loss", pa.array(losses)), path)


def take_another_run(path):
    shutil.copy(path.with_name("sgd.parquet"), path)


DIFFER = "damaged or edited by hand, its content and its checksum differ"


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (flip_a_byte, "damaged"),
        (cut_short, "damaged, it does not read as Parquet"),
        (save_with_pandas, DIFFER),
        (improve_a_loss, DIFFER),
        (take_another_run, "made with other parameters than the configuration's"),
    ],
)
def test_a_damaged_table_is_named_and_nothing_is_made_from_it(finished, damage, expected):
    damage(finished.folder / GD)
    before = finished.files()
    said = finished.fail("results/summary/training.parquet")
    assert f"error: {GD}: {expected}" in said
    assert "; delete it, and snakemake makes it again" in said
    assert finished.files().items() <= before.items()


def test_a_damaged_table_that_was_removed_is_made_again(finished, undisturbed):
    figure = "results/figures/loss_by_epoch.svg"
    flip_a_byte(finished.folder / GD)
    assert f"error: {GD}: damaged" in finished.fail(figure)
    finished.remove(GD)
    finished.run(figure)
    assert_healed(finished, undisturbed)


def test_damaged_examples_are_named_and_nothing_is_trained_on_them(finished):
    save_with_pandas(finished.folder / EXAMPLES)
    assert f"error: {EXAMPLES}: {DIFFER}" in finished.fail(GD)
    assert GD not in finished.files()


def test_damaged_verdicts_are_named_and_nothing_is_trained_after_them(finished):
    save_with_pandas(finished.folder / VERDICTS)
    assert f"error: {VERDICTS}: {DIFFER}" in finished.fail(GD)
    assert GD not in finished.files()
