"""A figure is the same to the last byte, whatever the user's settings of matplotlib."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

DRAW = """
import hashlib, io
from minibatch.figures import style
made, [[axes]] = style.figure("A title", size=(4, 3))
axes.plot([1, 10], [2, 3], label="of a line", **style.line(0))
style.legend(made, columns=1)
for kind in ("svg", "png"):
    file = io.BytesIO()
    made.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else {})
    print(hashlib.sha256(file.getvalue()).hexdigest())
"""
SETTINGS = (
    "font.size: 17\nlines.linewidth: 5\nsavefig.dpi: 20\nsvg.fonttype: none\naxes.grid: False\n"
)


def drawn(folder, **variables):
    """The digests of a figure in both formats, drawn in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", DRAW],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    source = str(Path(__file__).parents[2] / "src")
    return drawn(tmp_path_factory.mktemp("plain"), PYTHONPATH=source)


@pytest.mark.parametrize("where", ["a notebook", "a file that is named", "the folder", "the home"])
@pytest.mark.usefixtures("package_on_path")
def test_the_settings_of_the_user_change_no_byte(tmp_path, plain, where):
    named = tmp_path / "named"
    named.write_text(SETTINGS)
    variables = {"MPLCONFIGDIR": str(tmp_path / "home")}
    if where == "a notebook":
        variables = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    elif where == "a file that is named":
        variables = {"MATPLOTLIBRC": str(named)}
    else:
        folder = tmp_path if where == "the folder" else tmp_path / "home"
        folder.mkdir(exist_ok=True)
        named.rename(folder / "matplotlibrc")
    assert drawn(tmp_path, **variables) == plain


@pytest.mark.usefixtures("package_on_path")
def test_a_list_of_fonts_that_are_gone_changes_no_byte(tmp_path, plain):
    """As matplotlib leaves it where an environment is removed under it."""
    home = {"MPLCONFIGDIR": str(tmp_path / "home")}
    drawn(tmp_path, **home)
    [known] = (tmp_path / "home").glob("fontlist-*.json")
    cached = json.loads(known.read_text())
    known.write_text(json.dumps(cached | {"ttflist": []}))
    assert drawn(tmp_path, **home) == plain


@pytest.mark.usefixtures("package_on_path")
def test_no_font_but_those_that_matplotlib_ships_is_known(tmp_path):
    say = (
        "import matplotlib; from minibatch.figures import style; "
        "from matplotlib.font_manager import fontManager as m; "
        "print(*(f.fname.startswith(matplotlib.get_data_path()) for f in m.ttflist))"
    )
    fonts = tmp_path / ".local/share/fonts"
    fonts.mkdir(parents=True)
    font = Path(matplotlib.get_data_path(), "fonts/ttf/STIXGeneral.ttf")
    shutil.copy(font, fonts / "of_the_user.ttf")
    variables = {"HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path / "new")}
    done = subprocess.run(
        [sys.executable, "-c", say],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) == {"True"}
