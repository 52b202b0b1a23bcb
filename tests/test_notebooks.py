r"""The notebooks as they are committed. That they still say the same when executed is for nbval to find out.

After a change, execute a notebook and keep only what belongs to it, from the project's folder:

    jupyter nbconvert --to notebook --execute --inplace --ClearMetadataPreprocessor.enabled=True \
        "--ClearMetadataPreprocessor.preserve_nb_metadata_mask={'kernelspec', ('language_info', 'name')}" \
        "--ClearMetadataPreprocessor.preserve_cell_metadata_mask={'tags'}" notebooks/NAME.ipynb

Cells whose figures differ from run to run carry the tag ``nbval-ignore-output``; a cell beside them prints what must stay.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbval.plugin import get_sanitize_patterns

HERE = Path(__file__).resolve().parent
NOTEBOOKS = sorted((HERE.parent / "notebooks").rglob("*.ipynb"))
FIRST = HERE.parent / "notebooks" / "01-first-shot.ipynb"
#: Folders of somebody's machine, in the spellings of Linux, macOS and Windows (in JSON, a backslash is two).
MACHINE_PATH = re.compile(r"/(tmp|home|Users|root|var|private)/|[A-Za-z]:\\\\|\btmp[a-z0-9_]{8}\b")


def read(path: Path) -> dict[str, Any]:
    """Read a notebook as plain data."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def code_cells(path: Path) -> list[dict[str, Any]]:
    """Give the code cells of a notebook."""
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]


def sanitised(text: str) -> str:
    """Do what nbval does to an output before it compares it."""
    for regex, replacement in get_sanitize_patterns((HERE / "nbval_sanitize.cfg").read_text(encoding="ascii")):
        text = re.sub(regex, replacement, text)
    return text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
class TestEachNotebook:
    def test_it_was_run_from_top_to_bottom_without_an_error(self, path: Path) -> None:
        cells = code_cells(path)
        assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
        assert all(cell["outputs"] for cell in cells)
        assert "error" not in {output["output_type"] for cell in cells for output in cell["outputs"]}
        assert "stderr" not in {output.get("name") for cell in cells for output in cell["outputs"]}

    def test_its_outputs_name_no_folder_of_a_machine(self, path: Path) -> None:
        for cell in code_cells(path):
            for output in cell["outputs"]:
                data = {mime: what for mime, what in output.get("data", {}).items() if not mime.startswith("image/")}
                text = json.dumps([data, output.get("text")])
                assert not MACHINE_PATH.search(text)
                assert json.dumps(tempfile.gettempdir())[1:-1] not in text

    def test_it_is_valid_and_carries_nothing_of_its_editor(self, path: Path) -> None:
        nbformat.validate(nbformat.read(path, as_version=4))
        notebook = read(path)
        assert notebook["metadata"]["kernelspec"]["name"] == "python3"
        assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
        assert notebook["metadata"]["language_info"] == {"name": "python"}  # no version: any that rigkit supports
        assert not any(set(cell["metadata"]) - {"tags"} for cell in notebook["cells"])

    def test_it_never_depends_on_the_rig_somebody_has(self, path: Path) -> None:
        source = "".join("".join(cell["source"]) for cell in code_cells(path))
        assert "connect()" not in source
        assert not re.search(r"^[^#\n]*tcp://(?!127\.0\.0\.1:\*)", source, re.MULTILINE), (
            "only a simulator's own free port"
        )


def test_the_first_notebook_has_six_cells_and_ends_as_promised() -> None:
    cells = [("".join(cell["source"]), cell["cell_type"]) for cell in read(FIRST)["cells"]]
    assert sum(kind == "code" for _, kind in cells) == 6
    text = "\n".join(source for source, _ in cells)
    places = [text.index(line) for line in ('exposures.groupby("position")', '"tcp://rig-pc"', "rigkit.open(")]
    assert places == sorted(places)
    assert "rigkit.open(" in cells[-1][0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2026-11-22 10:21:31.467697+00:00", "2027-01-02 03:04:05.000001+00:00"),
        ("7c76e4ee-e65e-11f1-8206-bfb198bc1974", "8c79b904-e65e-11f1-8206-bfb198bc1974"),
        ("Session c4bcad5d of 2026-11-22 10:23 UTC", "Session e6a2b9f1 of 2027-01-02 03:04 UTC"),
        ("rk:c4bcad5d:1:1", "rk:e6a2b9f1:1:1"),
        ("sim:8 in /tmp/tmpukdw51b4", r"sim:8 in C:\Users\me\AppData\Local\Temp\tmpk_3w51b4"),
        ('<td class="rk-right">0.15</td>', '<td class="rk-right">12.20</td>'),
        ('<td id="T_1a2b3_row0_col2">0.193</td>', '<td id="T_0f9e8_row0_col2">1.207</td>'),
        ("<Styler at 0x7f00aa>", "<Styler at 0x7f00bb>"),
        ("P017_ses-01  eaf884f3  2026-11-22 17:42 UTC", "P017_ses-01  00112233  2027-01-02 03:04 UTC"),
        ("<td>eaf884f3</td>\n<td>2026-11-22 17:42 UTC</td>", "<td>00112233</td>\n<td>2027-01-02 03:04 UTC</td>"),
        (
            "by rigkit 0.1.0 under Python 3.11.7 on Linux 6.18.44-x. ISO",
            "by rigkit 1.2 under Python 3.14.0 on Windows 11. ISO",
        ),
        ("2 sittings on 22 November 2026.", "2 sittings on 1 May 2027."),
    ],
)
def test_what_differs_from_run_to_run_is_not_compared(one: str, other: str) -> None:
    assert sanitised(one) == sanitised(other)


@pytest.mark.parametrize(
    "text",
    [
        "Shot 1 apose: 8/8 exposed, 8/8 on disk; A07 missing: not_ready (Lost)",
        '<td class="rk-right">100 %</td><td>D850</td><td>3761375</td>',
        "A01       SSP_1.JPG    160     107  200     11.0       here",
        "<td>11.0</td><td>200</td><td>True</td>",
        "Nikon Corporation|D850|3761375 Aperture A01 f/11 11 True True",
    ],
)
def test_what_is_counted_or_named_is_compared(text: str) -> None:
    assert sanitised(text) == text
