"""`repriced listings import` and `export` against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runner import Run
from click.testing import CliRunner

from server.cli import main

HEADER = "seller_id,marketplace_id,sku,currency,floor,ceiling"
GOOD = "A1SHOP,A1PA6795UKMFR9,GOOD,EUR,8.00,15.00"


def sheet(tmp_path: Path, *lines: str, header: str = HEADER) -> Path:
    path = tmp_path / "sheet.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_export_gives_back_what_was_imported(repriced: Run, catalogue: Path) -> None:
    imported = repriced("listings", "import", catalogue)
    assert imported.exit_code == 0, imported.output
    assert "4 listings imported, 0 lines refused" in imported.stdout
    exported = repriced("listings", "export")
    assert exported.exit_code == 0
    before = catalogue.read_text(encoding="utf-8").splitlines()
    assert sorted(exported.stdout.splitlines()) == sorted(before)


def test_a_file_imported_again_exports_the_same(repriced: Run, catalogue: Path) -> None:
    repriced("listings", "import", catalogue)
    first = repriced("listings", "export", "--seller", "A1SHOP").stdout
    catalogue.write_text(first, encoding="utf-8-sig")  # As a spreadsheet saves it, with a BOM.
    assert repriced("listings", "import", catalogue).exit_code == 0
    assert repriced("listings", "export").stdout == first
    assert repriced("listings", "export", "--seller", "A1OTHER").stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        (
            "A1SHOP,A1PA6795UKMFR9,X,EUR,,15.00",
            "floor",
            "is blank; it is mandatory, unless --propose",
        ),
        ("A1SHOP,A1PA6795UKMFR9,X,EUR,8.00,", "ceiling", "is blank"),
        ("A1SHOP,A1PA6795UKMFR9,,EUR,8.00,15.00", "sku", "is blank"),
        ("A1SHOP,A1PA6795UKMFR9,X,EUR,0,15.00", "floor", "floor_minor is 0"),
        ("A1SHOP,A1PA6795UKMFR9,X,EUR,-8.00,15.00", "floor", "floor_minor is -800"),
        ("A1SHOP,A1PA6795UKMFR9,X,EUR,8.001,15.00", "floor", "more decimals"),
        ("A1SHOP,A1VC38T7YXB528,X,JPY,800.5,1500", "floor", "more decimals"),
        ('A1SHOP,A1PA6795UKMFR9,X,EUR,"8,00",15.00', "floor", "'8,00'"),
        ("A1SHOP,A1PA6795UKMFR9,X,EUR,8.00,1e300000", "ceiling", "1e300000"),
        ("A1SHOP,A1PA6795UKMFR9,X,XYZ,8.00,15.00", "currency", "'XYZ'"),
        (f"A1SHOP,A1PA6795UKMFR9,{'X' * 101},EUR,8.00,15.00", "sku", "101 characters"),
        ("A1SHOP,A1PA6795UKMFR9,X,EUR,8.00", "", "as many fields"),
        ("A1SHOP,A1PA6795UKMFR9,X,EUR,8.00,15.00,1", "", "as many fields"),
        (GOOD, "sku", "the same listing as in line 2"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_bad_line_is_named_and_the_others_go_on(
    shared: Run, tmp_path: Path, line: str, column: str, words: str, options: tuple[str, ...]
) -> None:
    last = GOOD.replace("GOOD", "LAST")
    path = sheet(tmp_path, GOOD, line, last)
    told = shared("listings", "import", path, "--json", *options)
    assert told.exit_code == 1
    facts = json.loads(told.stdout)
    assert facts["usable"] == 2
    assert facts["imported"] == (0 if options else 2)
    [problem] = facts["problems"]
    assert (problem["line"], problem["column"]) == (3, column)
    assert words in problem["message"]
    shown = shared("listings", "import", path, *options)
    assert f"line 3, {column}: " in shown.stderr if column else "line 3: " in shown.stderr


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("audience", "B2X", "allowed: B2C, B2B"),
        ("condition", "newish", "allowed: NEW, USED"),
        ("fulfilment", "FBA", "allowed: AMAZON, MERCHANT"),
        ("shipping", "x", "allowed is a decimal number"),
        ("points_basis_points", "1.5", "a whole number, 0 to 9000"),
        ("points_basis_points", "9001", "9001"),
    ],
)
def test_optional_columns_are_checked(
    shared: Run, tmp_path: Path, column: str, value: str, words: str
) -> None:
    path = sheet(tmp_path, f"{GOOD},{value}", header=f"{HEADER},{column}")
    told = shared("listings", "import", path, "--json")
    [problem] = json.loads(told.stdout)["problems"]
    assert problem["column"] == column
    assert words in problem["message"]


def test_points_have_one_form(shared: Run, tmp_path: Path) -> None:
    path = sheet(tmp_path, f"{GOOD},5,100", header=f"{HEADER},points,points_basis_points")
    assert "line 2, points: " in shared("listings", "import", path).stderr


def test_an_unknown_strategy_is_the_servers_to_say(shared: Run, tmp_path: Path) -> None:
    path = sheet(tmp_path, f"{GOOD},nobody", header=f"{HEADER},strategy_id")
    told = shared("listings", "import", path)
    assert told.exit_code == 1
    assert "line 2, strategy_id: strategy_id is 'nobody'" in told.stderr


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_the_floor_wins_over_the_ceiling_with_a_warning(
    shared: Run, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = sheet(tmp_path, "A1SHOP,A1PA6795UKMFR9,ODD,EUR,15.00,8.00")
    told = shared("listings", "import", path, *options)
    assert told.exit_code == 0
    assert "line 2, ceiling: " in told.stderr
    assert "the floor wins" in told.stderr


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("seller_id,marketplace_id,sku,currency,floor", "lacks ceiling"),
        (HEADER + ",colour", "'colour'"),
        (HEADER + ",floor", "repeated columns 'floor'"),
        (HEADER.replace(",", ";"), "it has: seller_id;"),
        ("", "it has: nothing"),
    ],
)
def test_a_wrong_header_stops_the_import(tmp_path: Path, header: str, words: str) -> None:
    path = sheet(tmp_path, GOOD, header=header)
    told = CliRunner().invoke(main, ["listings", "import", "--dry-run", str(path)])
    assert told.exit_code == 2
    assert words in " ".join(told.stderr.split())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEADER.encode() + b"\nA1SHOP,A1PA6795UKMFR9,M\xfcg,EUR,8.00,15.00\n", "not UTF-8"),
        (HEADER.encode() + b'\nA1SHOP,A1PA6795UKMFR9,"MUG"x,EUR,8.00,15.00\n', "line 2: not CSV"),
    ],
)
def test_a_file_that_is_no_csv_has_its_own_message(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(content)
    told = CliRunner().invoke(main, ["listings", "import", "--dry-run", str(path)])
    assert told.exit_code == 2
    assert words in told.stderr


def test_large_files_go_in_batches_with_plain_progress(repriced: Run, tmp_path: Path) -> None:
    lines = (GOOD.replace("GOOD", f"SKU-{number}") for number in range(6_000))
    told = repriced("listings", "import", sheet(tmp_path, *lines))
    assert told.exit_code == 0
    assert "listings: 5000 of 6000" in told.stderr
    assert "6000 listings imported" in told.stdout
    assert repriced("listings", "export").stdout.count("\n") == 6_001
