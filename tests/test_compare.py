"""Machines side by side, from tables of which every number is written down here."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from minibatch import compare
from minibatch.figures import machines
from minibatch.summaries.ladder import RUNGS
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

ROOT = Path(__file__).parents[1]
LAPTOP = "laptop, Some CPU, 8 cores"
NODE = "node07, A Server's CPU, 96 cores"
SEEDS = 5


def ends(name, value):
    return {f"{name}_median": value, f"{name}_low": value / 2, f"{name}_high": value * 2}


def ladder(factor=1.0, device="cpu", frameworks=("pytorch", "jax"), sizes=(1, 1500)):
    rows = [
        {"framework": framework, "rung": rung, "batch_size": size} | ends("seconds", factor / size)
        for framework in frameworks
        for rung in RUNGS
        for size in sizes
    ]
    below = {"framework": "numba", "rung": "baseline", "batch_size": 1} | ends("seconds", 1e-5)
    return pd.DataFrame([*rows, below]).assign(device=device, ratio=1.0)


def matmul(factor=1.0, device="cpu"):
    cases = [("element", 256, 0, 0.1), ("block", 256, 64, 40), ("full", 256, 0, 80)]
    # none of these is at the chapter's size, a product by a strategy, or in its precision
    cases += [("full", 64, 0, 7), ("block", 256, 16, 7), ("product", 256, 0, 7)]
    cases = [(*case, "float32") for case in [*cases, ("copy", 256, 0, 7)]]
    cases += [("full", 256, 0, 7, "tf32"), ("block", 256, 64, 7, "bfloat16")]
    return pd.DataFrame(
        {"strategy": strategy, "n": n, "block": block, "precision": precision}
        | ends("rate", rate / factor)
        for strategy, n, block, rate, precision in cases
    ).assign(framework="pytorch", device=device, threads=1)


def training(factor=1.0, device="cpu"):
    runs = [("gd", 4e-3), ("sgd", np.inf), ("grid", 7.0), ("grid", 7.0), ("gd_tenth", 7.0)]
    rows = pd.DataFrame(
        {"run": run, "loader": loader} | ends("seconds_to_target", factor * seconds)
        for run, seconds in runs
        for loader in ("framework", "direct")
    )
    rows["schedule"] = np.where(rows.run == "gd_tenth", "tenth", "constant")
    about = {"framework": "pytorch", "device": device, "sampling": "permutation", "copies": 1}
    about["batch_size"] = 10
    return rows.assign(**about)


def everything(factor=1.0, device="cpu"):
    made = {"ladder": ladder, "matmul": matmul, "training": training}
    return {name: make(factor, device) for name, make in made.items()}


def both(read, other):
    return {name: pd.concat([read[name], other[name]], ignore_index=True) for name in read}


def raw(seeds=SEEDS, **more):
    """The parameters of the run that the summaries below were made from, and those of its data."""
    examples = {"rows": 1500}
    run = {"seeds": seeds, "inputs": {"results/data/examples.parquet": digest(examples)}} | more
    return {"train/pytorch/cpu/gd": run, "data/examples": examples}


def results(folder, machine, read, made_from=None, target_loss=0.25):
    """A results folder as the pipeline fills it, as far as it is compared."""
    made_from = made_from or raw()
    whole = {"provenance": {"machines": [machine], "frameworks": ["torch 2"], "threads": [1]}}
    for name, parameters in made_from.items():
        empty = pd.DataFrame({"x": [0]})
        parquet.write(empty, folder / f"{name}.parquet", parameters=parameters, **whole)
    inputs = {
        f"results/{name}.parquet": digest(parameters)
        for name, parameters in made_from.items()
        if name.startswith("train")
    }
    for name, table in read.items():
        options = {"target_loss": target_loss} if name == "training" else {}
        parameters = {"inputs": {} if name == "matmul" else inputs, "options": options}
        parquet.write(table, folder / f"summary/{name}.parquet", parameters=parameters, **whole)
    return folder


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """A laptop, and a node that takes three times as long; both named relative to the folder."""
    monkeypatch.chdir(tmp_path)
    results(Path("results"), LAPTOP, everything())
    results(Path("node/results"), NODE, everything(3))
    return ["results", "node/results"]


def rows_of(**found):
    for name, read in found.items():
        for table in read.values():
            table.attrs = {"provenance": {"machines": [f"{name}, CPU"]}}
    return compare.compare(found)


def said(folders, capsys, code=0):
    """What is printed, and what is said of problems."""
    assert compare.main([*map(str, folders)]) == code
    return capsys.readouterr()


def error(folders, capsys):
    printed = said(folders, capsys, 1)
    assert printed.out == ""
    [line] = printed.err.splitlines()
    return line.removeprefix("error: ")


def warning(folders):
    folders = [Path(folder) for folder in folders]
    [line] = compare.differences(compare.load(folders), folders)
    return line


def test_each_machine_has_a_row_a_case_with_its_ratio_to_the_first():
    rows = rows_of(laptop=everything(), node=everything(3), mac=everything(0.5))
    ratios = rows.groupby(["quantity", "machine"]).ratio.agg(["min", "max"]).T.to_dict("list")
    assert ratios["seconds_to_target", "node"] == pytest.approx([3, 3])
    assert ratios["seconds_to_target", "mac"] == pytest.approx([0.5, 0.5])
    assert ratios["gflops", "node"] == pytest.approx([1 / 3, 1 / 3])
    assert ratios["gflops", "laptop"] == [1, 1]
    assert ratios["seconds_per_epoch", "node"] == pytest.approx([1, 3])  # the same Numba loop
    frameworks = rows[(rows.quantity == "seconds_per_epoch") & (rows.framework != "numba")]
    assert frameworks[frameworks.machine == "node"].ratio.to_numpy() == pytest.approx(3)
    assert list(rows.machine[:3]) == ["laptop", "node", "mac"]
    assert set(rows[rows.machine == "mac"].hardware) == {"mac, CPU"}
    one = rows[rows.machine == "node"].set_index(["quantity", "case", "framework", "batch_size"])
    found = one.loc["seconds_per_epoch", "compiled", "jax", 1500]
    assert list(found[["median", "low", "high"]]) == pytest.approx([2e-3, 1e-3, 4e-3])


def test_only_the_chapters_products_and_plain_runs_are_compared():
    rows = rows_of(laptop=everything(), node=everything())
    cases = rows.drop_duplicates(["quantity", "case", "loader"])
    assert list(cases[cases.quantity == "gflops"].case) == ["element", "block", "full"]
    runs = cases[cases.quantity == "seconds_to_target"]
    assert list(zip(runs.case, runs.loader, strict=True)) == [
        ("gd", "framework"),
        ("gd", "direct"),
        ("sgd", "framework"),
        ("sgd", "direct"),
    ]
    assert not (rows["median"] == 7).any()


def test_a_device_that_the_first_machine_lacks_is_compared_with_its_cpu():
    node = both(everything(3), everything(0.25, "cuda"))
    rows = rows_of(laptop=everything(), node=node)
    found = rows[(rows.quantity == "gflops") & (rows.machine == "node")]
    found = found.groupby("device").agg({"ratio": "max", "ratio_to": "unique"})
    assert found.ratio.to_dict() == pytest.approx({"cpu": 1 / 3, "cuda": 4})
    assert found.ratio_to.map(list).to_dict() == {"cpu": ["cpu"], "cuda": ["cpu"]}
    # the other way round, each has its own
    rows = rows_of(laptop=both(everything(), everything(0.5, "cuda")), node=node)
    found = rows[(rows.quantity == "gflops") & (rows.machine == "node")]
    assert found.groupby("device").ratio.max().to_dict() == pytest.approx({"cpu": 1 / 3, "cuda": 2})
    assert list(found.ratio_to) == list(found.device)


def test_where_the_first_machine_has_no_number_there_is_no_ratio():
    node = everything(3)
    node["training"] = node["training"].replace({np.inf: 1.0})
    found = rows_of(laptop=everything() | {"ladder": ladder(frameworks=["jax"])}, node=node)
    found = found[found.machine == "node"]
    assert found[found.case == "sgd"].ratio.isna().all()
    torch = found[(found.framework == "pytorch") & (found.quantity == "seconds_per_epoch")]
    assert len(torch) == 8
    assert torch.ratio.isna().all()
    shown = compare.text(rows_of(laptop=everything(), node=node), 0.25)
    assert "never" in shown
    assert "nan" not in shown


def test_the_table_as_text_has_a_line_a_machine(pair, capsys):
    printed = said(pair, capsys)
    assert printed.err == ""
    lines = [" ".join(line.split()) for line in printed.out.splitlines()]
    assert f"laptop: {LAPTOP}; results; threads: 1" in lines
    assert "jax compiled laptop cpu 1,000 0.667" in lines
    assert "jax compiled node07 cpu 3,000 (3×) 2 (3×)" in lines
    assert "pytorch node07 cpu 0.0333 (0.33×) 13.3 (0.33×) 26.7 (0.33×)" in lines
    assert "numba baseline node07 cpu 0.01 (1×) –" in lines
    assert "Milliseconds to a loss of 0.25" in lines
    assert "pytorch direct node07 cpu 12 (3×) never" in lines
    assert lines[-1] == "The figure: comparison/machines.svg"


def test_figure_and_table_are_written_beside_the_results(pair, capsys):
    said(pair, capsys)
    assert sorted(os.listdir("comparison")) == [
        f"machines.{end}" for end in ("parquet", "png", "svg")
    ]
    table = parquet.read("comparison/machines.parquet")
    assert table.attrs["provenance"]["machines"] == [LAPTOP, NODE]
    assert table.attrs["parameters"]["folders"] == {"laptop": "results", "node07": "node/results"}
    assert set(table.hardware) == {LAPTOP, NODE}
    assert table.ratio.max() == pytest.approx(3)
    first = Path("comparison/machines.svg").read_bytes()
    said(pair, capsys)
    assert Path("comparison/machines.svg").read_bytes() == first


def test_one_machine_before_and_after_is_told_apart_by_folder(pair, capsys):
    results(Path("after"), LAPTOP, everything(0.5))
    printed = said([pair[0], "after", pair[1]], capsys)
    assert set(parquet.read("comparison/machines.parquet").machine) == {
        "laptop (results)",
        "laptop (after)",
        "node07",
    }
    assert "laptop (after)" in printed.out
    svg = Path("comparison/machines.svg").read_text()
    assert "Some CPU, 8 cores (after): cpu" in svg


@pytest.mark.parametrize("folders", [[], ["results"]])
def test_without_two_folders_it_says_how_it_is_used(folders, pair, capsys):  # noqa: ARG001
    assert error(folders, capsys) == compare.USAGE


def test_a_folder_that_is_missing_is_named(pair, capsys):
    assert error([*pair, "nowhere"], capsys).startswith(
        "nowhere: there is no such folder; name two"
    )


def test_a_folder_without_tables_is_told_what_to_run(pair, capsys):
    assert error([pair[0], "node"], capsys) == (
        "node: no summary tables in it; run make on its machine, and name the results folder that "
        "it fills"
    )


def test_a_table_that_is_missing_or_damaged_or_of_another_version_is_named(pair, capsys):
    path = Path("node/results/summary/ladder.parquet")
    old = parquet.read(path)
    about = {name: old.attrs[name] for name in ("parameters", "provenance")}
    parquet.write(old.drop(columns="rung"), path, **about)
    assert error(pair, capsys).startswith(f"{path}: has no column rung, so another version made it")
    path.write_bytes(b"no Parquet")
    assert error(pair, capsys).startswith(f"{path}: damaged")
    path.unlink()
    assert error(pair, capsys).startswith(f"{path}: there is no such table; run snakemake")


def test_a_folder_that_is_named_twice_is_refused(pair, capsys):
    folders = [pair[0], "node/../results"]
    assert error(folders, capsys) == "one folder is named twice: results node/../results"


def test_an_output_that_cannot_be_written_is_one_line(pair, capsys):
    Path("comparison").write_text("a file")
    assert "comparison" in error(pair, capsys)


def test_other_parameters_are_named_in_a_warning_and_in_the_figure(pair, capsys):
    results(Path("node/results"), NODE, everything(3), raw(seeds=3), target_loss=0.3)
    printed = said(pair, capsys)
    assert printed.err == (
        "warning: laptop and node07 were measured with other parameters: "
        "seeds 5 against 3; target_loss 0.25 against 0.3\n"
    )
    svg = Path("comparison/machines.svg").read_text()
    assert "seeds 5 against 3" in svg
    assert parquet.read("comparison/machines.parquet").ratio.notna().any()


def test_other_data_below_a_run_and_long_values_are_named(pair):
    examples = {"rows": 1000}
    inputs = {"results/data/examples.parquet": digest(examples)}
    other = raw(inputs=inputs, batch_sizes=list(range(30))) | {"data/examples": examples}
    results(Path("node/results"), NODE, everything(3), other)
    results(Path("results"), LAPTOP, everything(), raw(batch_sizes=[1]))
    assert warning(pair).endswith("parameters: other batch_sizes; rows 1500 against 1000")


def test_where_only_the_summaries_were_copied_the_tables_that_differ_are_named(pair):
    results(Path("node/results"), NODE, everything(3), raw(seeds=3))
    Path("node/results/train/pytorch/cpu/gd.parquet").unlink()
    assert warning(pair).endswith("other parameters: train/pytorch/cpu/gd.parquet")


def test_many_differences_are_cut_short(pair):
    results(Path("node/results"), NODE, everything(3), raw(**dict.fromkeys("abcdefgh", 1)))
    results(Path("results"), LAPTOP, everything(), raw(**dict.fromkeys("abcdefgh", 0)))
    assert warning(pair).endswith("; f 0 against 1; and 2 more")


def draw(rows):
    """Draw and lay out, where matplotlib says what does not fit."""
    drawn = machines.draw({"machines": rows})
    drawn.draw_without_rendering()
    return drawn


def test_the_title_says_how_the_machines_compare():
    node = both(everything(3), everything(0.25, "cuda"))
    drawn = draw(rows_of(laptop=everything(), node=node, mac=everything(0.5)))
    assert drawn.get_suptitle().replace("\n", " ") == (
        "Compared with laptop, an epoch takes 3× the time on node; "
        "0.25× on node, cuda (against laptop's cpu); 0.5× on mac"
    )
    faster = both({"ladder": ladder(2, sizes=[1])}, {"ladder": ladder(4, sizes=[1500])})
    drawn = draw(rows_of(laptop=everything(), node=everything() | faster))
    assert "takes 2× to 4× the time on node" in drawn.get_suptitle()


def test_each_curve_is_a_machine_and_device_in_the_machines_colour():
    node = both(everything(3), everything(0.25, "cuda"))
    drawn = draw(rows_of(laptop=everything(), node=node))
    titles = [axes.get_title(loc="left") for axes in drawn.axes]
    assert titles == [*RUNGS, "", "", "", ""]
    assert [axes.get_ylabel() for axes in drawn.axes[::4]] == [
        "pytorch\nms per epoch",
        "jax\nms per epoch",
    ]
    laptop, cpu, cuda = (container[0] for container in drawn.axes[0].containers)
    assert list(laptop.get_xdata()) == [1, 1500]
    np.testing.assert_allclose(np.float64(cpu.get_ydata()), [3000, 2])
    np.testing.assert_allclose(np.float64(cuda.get_ydata()), [250, 1 / 6])
    assert cpu.get_color() == cuda.get_color() != laptop.get_color()
    assert cuda.get_markerfacecolor() == "white" != cpu.get_markerfacecolor()
    [legend] = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "laptop, CPU: cpu",
        "node, CPU: cpu",
        "node, CPU: cuda",
    ]


def test_what_no_machine_measured_and_what_none_shares_is_said():
    some = ladder()
    some = some[(some.framework == "jax") | (some.rung == "compiled")]
    drawn = draw(
        rows_of(laptop=everything() | {"ladder": some}, node=everything() | {"ladder": some})
    )
    words = [text.get_text() for axes in drawn.axes for text in axes.texts]
    assert words == ["not measured"] * 3
    apart = everything() | {"ladder": ladder(sizes=[10])}
    title = draw(rows_of(laptop=everything(), node=apart)).get_suptitle()
    assert title.startswith("No epoch was measured on the first machine and on another one")
    none = everything() | {"ladder": ladder(frameworks=[])}
    assert draw(rows_of(laptop=none, node=none)).get_suptitle().startswith("No epoch was measured")


@pytest.fixture
def make(tmp_path):
    """Calls `make compare` in the project with the interpreter of these tests."""
    tool = tmp_path / "venv/bin/python"
    tool.parent.mkdir(parents=True)
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} "$@" --output "{tmp_path}/out"\n')
    tool.chmod(0o755)
    (tmp_path / "venv/requirements.done").write_text(f"{(tmp_path / 'venv').resolve()}\n")

    def call(**folders):
        names = [f"{name}={folder}" for name, folder in folders.items()]
        clean = {k: v for k, v in os.environ.items() if k not in "ABCD" and k != "MAKEFLAGS"}
        command = ["make", "-C", str(ROOT), "compare", f"VENV={tmp_path}/venv", *names]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=clean)

    return call


def test_make_compare_takes_two_folders_and_more_and_alone_says_how(make, tmp_path):
    paths = [
        results(tmp_path / "with space", LAPTOP, everything()),
        results(tmp_path / "b", NODE, everything(3)),
        results(tmp_path / "c", "mac, CPU", everything(0.5)),
    ]
    done = make(**dict(zip("ABC", paths, strict=True)))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"The figure: {tmp_path}/out/machines.svg" in done.stdout
    assert len(parquet.read(tmp_path / "out/machines.parquet").machine.unique()) == 3
    alone = make()
    assert alone.returncode != 0
    assert alone.stderr.splitlines()[0] == f"error: {compare.USAGE}"
    assert "Traceback" not in alone.stderr
