# SPDX-License-Identifier: Apache-2.0
"""Liberty files as users bring them: spellings that mean the same, and mistakes that are named by line."""

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from nms.contract.errors import UserError
from nms.synth import liberty, liberty_file, liberty_numbers, liberty_units, mapping, targets
from nms.synth.elaborate import elaborate
from nms.synth.liberty_functions import BooleanFunction
from nms.synth.liberty_plain import write_plain
from nms.synth.liberty_text import Group

XOR = "module top(input a, b, c, clk, output reg q); always @(posedge clk) q <= a ^ b ^ c; endmodule\n"


def read(text: str | bytes, folder: Path) -> Group:
    """The library of a text."""
    file = folder / "some.lib"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return liberty_file.load(file)


def in_library(text: str) -> str:
    return f"library (some) {{\n{text}\n}}\n"


def in_generic(text: str) -> str:
    """The generic cells with something before them."""
    return targets.GENERIC.read_text().replace("  cell (INV)", f"{text}\n  cell (INV)", 1)


def mapped(files: list[Path], work: Path, verilog: str = XOR) -> str:
    """A netlist of the cells of files."""
    work.mkdir()
    elaborate(verilog, "top", {"top"}, work)
    mapping.map_block("top", targets.select_target(None, files), False, work)
    return (work / mapping.NETLIST).read_text()


@pytest.mark.parametrize(
    "spelling",
    [
        "pin (A) { capacitance : 0.003; direction : input; }",
        'pin ("A") { capacitance : "0.003"; direction : "input" }',
        "pin(A){capacitance:0.001+0.002;direction:INPUT;};",
        "pin (A) { capacitance : 0.001 + \\\n 0.002; // a comment\n direction : input\n }",
        "pin (A) /* a { comment */ { capacitance : (0.001 + 2 * 0.001)\n direction \\\n : input; ; }",
        "PIN (A) { Capacitance : 3e-3; direction : input; }",
        "pin (A, B) { capacitance : 0.003; direction : input; }",
        'pin ("A B") { capacitance : 0.003; direction : input; }',
        "bundle (AB) { members (A, B); capacitance : 0.003; pin (A) { direction : input; } pin (B) { } }",
    ],
)
def test_spellings_of_a_pin(spelling: str, tmp_path: Path) -> None:
    [cell] = read(in_library(f"cell (INV) {{ {spelling} }}"), tmp_path).inner("cell")
    pin = next(cell.inner("pin"))
    assert (pin.name, pin.word("direction").lower(), pin.number("capacitance")) == ("A", "input", 0.003)
    assert [each.name for each in cell.inner("pin")] == (["A", "B"] if "B" in spelling else ["A"])


def test_bits_of_a_bus(tmp_path: Path) -> None:
    """Each has what the bus says, and what it says itself comes first."""
    text = """type (three) { base_type : array; bit_from : 2; bit_to : 0; bit_width : 3; }
      cell (MANY) { bus (D) { bus_type : three; capacitance : 1; direction : input;
        pin (D[2:1]) { capacitance : 2; } } }"""
    [cell] = read(in_library(text), tmp_path).inner("cell")
    found = [(pin.name, pin.number("capacitance"), pin.word("direction")) for pin in cell.inner("pin")]
    assert found == [("D[2]", 2, "input"), ("D[1]", 2, "input"), ("D[0]", 1, "input")]


@pytest.mark.parametrize(
    ("declared", "farad"),
    [
        ("(1, pf)", 1e-12), ('("1","pf")', 1e-12), ('(1, "pF")', 1e-12), ("(1pf)", 1e-12), ("(10 ff)", 1e-14),
        ("(0.1, \\\n pf)", 1e-13), ("(1e-3, nf)", 1e-12),
    ],
)  # fmt: skip
def test_units_of_capacitance(declared: str, farad: float, tmp_path: Path) -> None:
    library = read(in_library(f"capacitive_load_unit {declared};"), tmp_path)
    assert liberty_units.read_units(library).farad == pytest.approx(farad)
    number, unit = re.search(r"capacitive_load_unit \((\S+), ([pf]f)\);", write_plain(library)).groups()
    assert float(number) * {"pf": 1e-12, "ff": 1e-15}[unit] == pytest.approx(farad)


@pytest.mark.parametrize("spelling", ['"1ns"', '"1 ns"', "1ns", "1 ns", '"1NS"', "ns", '"1000ps"', "1e-3us"])
def test_units_of_time(spelling: str, tmp_path: Path) -> None:
    library = read(in_library(f"time_unit : {spelling};"), tmp_path)
    assert liberty_units.read_units(library).second == pytest.approx(1e-9)
    assert 'time_unit : "1ns";' in write_plain(library)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('time_unit : "1s ns"', "time_unit '1s ns': is not understood; must be a number above 0 and s"),
        ('voltage_unit : "1MV"', "voltage_unit '1MV': is not understood"),
        ('voltage_unit : "0V"', "voltage_unit '0V': is not understood"),
        ('current_unit : "1mV"', "current_unit '1mV': is not understood"),
        ('pulling_resistance_unit : "1"', "pulling_resistance_unit '1': is not understood"),
        ("capacitive_load_unit (1)", "capacitive_load_unit '1': is not understood"),
        ('energy_unit : "1pJ"', "energy_unit: is no unit of Liberty"),
        ('time_unit : "1ns";\n time_unit : "1ps"', "time_unit '1ps': is '1ns' before; must be given once"),
    ],
)
def test_a_unit_that_is_not_understood(declared: str, said: str, tmp_path: Path) -> None:
    library = read(in_library(f"{declared};"), tmp_path)
    with pytest.raises(UserError) as raised:
        liberty_units.read_units(library)
    line = 2 + declared.count("\n")
    assert str(raised.value).startswith(
        f"liberty {str(tmp_path / 'some.lib')!r}, line {line}: library (some): {said}"
    )


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "has no library"),
        ("cell (A) { }", 1, "has no library"),
        ("library (a) {\n", 1, "library (a): is not closed"),
        ("library (a) { }\nlibrary (b) { }", 2, "'library' follows the library"),
        ("library (a) {\n } }", 2, "a name expected, not '}'"),
        ("library (a) {\n date 5;\n }", 2, "( or : after 'date' expected, not '5'"),
        ("library (a) {\n a : 1 b : 2;\n }", 2, "; after a value expected, not ':'"),
        ('library (a) {\n\n a : "b;\n }', 3, "string is not closed"),
        ("library (a) {\n /* b\n }", 2, "comment is not closed"),
        ("library (a) {\n a : \\x;\n }", 2, "unexpected '\\\\'"),
        ("library (a) {\n" + "g () {" * 40, 2, "'g': is inside 30 groups"),
        ("library (a) {\n include_file (other);\n }", 2, "include_file (other): must be one file"),
        ("library (a) {\n cell (A) {\n pin (X) { } pin (X) { } } }", 3, "pin (X): is there twice"),
        ("library (a) {\n cell (A) {\n pin () { } } }", 3, "cell (A), pin (): has no name"),
        ("library (a) {\n cell (A) { bus (D) { bus_type : b; } } }", 2, "bus_type 'b': the library has no"),
    ],
)
def test_a_mistake_is_named_by_its_line(text: str, line: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        read(text, tmp_path)
    assert str(raised.value).startswith(f"liberty {str(tmp_path / 'some.lib')!r}, line {line}: ")
    assert said in str(raised.value)


NASTY = [
    "__import__('os').system('x')",
    "A;stat",
    "../../x",
    "<script>alert(1)</script>",
    "a' b",
    "$(ls)",
    "9A",
]


@pytest.mark.parametrize("name", NASTY)
def test_names_that_could_be_more_than_names(name: str, tmp_path: Path) -> None:
    """Cells, pins and states become words of scripts and Verilog; so they must be plain words."""
    for text in (
        f'cell ("{name}") {{ }}',
        f'cell (A) {{ pin ("{name}") {{ }} }}',
        f'cell (A) {{ ff ("{name}", IQN) {{ next_state : "D"; }} }}',
    ):
        with pytest.raises(UserError, match=r"some\.lib', line 2: .*must be letters, digits and _"):
            read(in_library(text), tmp_path)
    inner = f'cell (A) {{ pin (Y) {{ direction : output; function : "{name}"; }} }}'
    with pytest.raises(UserError, match=r"line 2: cell \(A\), pin \(Y\): function "):
        write_plain(read(in_library(inner), tmp_path))
    plain = write_plain(read(f'library ("{name}") {{ area : "{name}"; }}', tmp_path))
    assert plain.startswith("library (cells) {\n")


def test_a_text_stays_a_text(tmp_path: Path) -> None:
    """A comment of the library cannot end its string in the copy."""
    library = read('library (a) {\n comment : "say \\"};\\" \\\n and \\\\go"; }', tmp_path)
    assert '  comment : "say };  and go";\n' in write_plain(library)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-2.5e-3", -0.0025), ("0.1 + 0.2", 0.3), ("(1+2)*3 - -1", 10), ("1/4", 0.25)],
)
def test_numbers_may_be_sums(text: str, value: float) -> None:
    assert liberty_numbers.evaluate(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    ["", "nan", "inf", "1e999", "1/0", "VDD", "1 2", "2**9**9", "1_0", "9" * 150 + "+e", "(" * 150, "1j"],
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="must be a finite number"):
        liberty_numbers.evaluate(text)


def test_functions_bind_as_liberty_says() -> None:
    """Inversion, exclusive or, and, or."""
    cases = {
        "A": lambda a, b, c: a,
        "!A'": lambda a, b, c: a,
        "A B'": lambda a, b, c: a and not b,
        "A & B ^ C": lambda a, b, c: a and b != c,
        "A | B * C": lambda a, b, c: a or (b and c),
        "!(A+B)' ^ 1": lambda a, b, c: not (a or b),
        "A^B^C + 0": lambda a, b, c: (a != b) != c,
    }
    for text, expected in cases.items():
        function = BooleanFunction(text)
        for number in range(8):
            a, b, c = (bool(number & 1 << bit) for bit in range(3))
            assert function({"A": a, "B": b, "C": c}) == expected(a, b, c), text


@pytest.mark.parametrize("text", ["", "A +", "(A", "A)", "A ? B", "+ A", "'A", "(" * 2000 + "A" + ")" * 2000])
def test_what_is_no_function(text: str) -> None:
    with pytest.raises(ValueError, match=r"unexpected|early|closed|parentheses"):
        BooleanFunction(text)


TIMED = """library (timed) {
  time_unit : "1ns"; capacitive_load_unit (1, pf);
  lu_table_template (t) { variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("0.1, 0.4"); index_2 ("0, 0.5, 1"); }
  cell (INV) { area : 1; pin (A) { direction : input; } pin (Y) { direction : output; function : "!A";
    timing () { related_pin : A; cell_rise (t) { values (VALUES); } } } } }
"""


@pytest.mark.parametrize(
    "values", ['"1, 2, 3", "4, 5, 6"', '"1 2 3" "4 5 6"', '"1, 2, 3, 4, 5, 6"', "1,2,3,4,5,6"]
)
def test_rows_of_a_table(values: str, tmp_path: Path) -> None:
    plain = write_plain(read(TIMED.replace("VALUES", values), tmp_path))
    assert 'values ("1, 2, 3", "4, 5, 6");' in plain
    assert 'index_2 ("0, 0.5, 1");' in plain


def test_a_third_axis_is_left_out_at_its_first_point(tmp_path: Path) -> None:
    """abc dies of it. Wherever it stands, slews and loads remain."""
    other = "related_out_total_output_net_capacitance"
    for number, values in (
        (3, '"1, 7", "2, 7", "3, 7", "4, 7", "5, 7", "6, 7"'),
        (1, '"1, 2, 3", "4, 5, 6", "7, 7, 7", "7, 7, 7"'),
    ):
        text = TIMED
        for attribute in ("variable_", "index_"):
            left = iter(str(n) for n in (1, 2, 3) if n != number)
            text = re.sub(f"(?<={attribute})[12]", lambda _, left=left: next(left), text)
        third = f'variable_{number} : {other}; index_{number} ("0, 1"); }}\n  cell ('
        text = text.replace("}\n  cell (", third).replace("VALUES", values)
        plain = read(write_plain(read(text, tmp_path)), tmp_path)
        [template] = plain.inner("lu_table_template")
        variables = [template.word(f"variable_{n}") for n in (1, 2, 3)]
        assert variables == ["input_net_transition", "total_output_net_capacitance", ""]
        [pin] = [pin for cell in plain.inner("cell") for pin in cell.inner("pin") if pin.name == "Y"]
        [table] = [table for timing in pin.inner("timing") for table in timing.groups]
        assert table.numbers("values") == [1, 2, 3, 4, 5, 6]
        assert template.numbers("index_2") == [0, 0.5, 1]


@pytest.mark.parametrize("related", ['"A B"', '"A, B"', "AB", '"AB"'])
def test_delays_from_several_pins(related: str, tmp_path: Path) -> None:
    """abc and OpenSTA want a group for each."""
    text = TIMED.replace("VALUES", '"1, 2, 3", "4, 5, 6"').replace("pin : A;", f"pin : {related};")
    text = text.replace("pin (A) {", "bundle (AB) { members (A, B);")
    plain = write_plain(read(text, tmp_path))
    assert re.findall(r"related_pin : (.*);", plain) == ['"A"', '"B"']
    assert plain.count("cell_rise (t)") == 2


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "VALUES",
            '"1, 2, 3"',
            "line 6: cell (INV), pin (Y), timing (), cell_rise (t): 3 values; must be 2 x 3",
        ),
        ("VALUES", '"1, 2, 3", "4, 5, nan"', "cell_rise (t): values: 'nan' is no number"),
        ("VALUES", '"1, 2, 3", "4, 5, x"', "cell_rise (t): values: 'x' is no number"),
        ("cell_rise (t)", "cell_rise (u)", "cell_rise (u): template 'u': the library has no such template"),
        ("0, 0.5, 1", "0, 1, 0.5", "4: lu_table_template (t): index_2: must ascend"),
        ("area : 1", "area : big", "cell (INV): area 'big': must be a finite number"),
        ("area : 1", "area : -1", "cell (INV): area -1: must be 0 or more"),
        ("!A", "!B", "pin (Y): function '!B': the cell has no 'B'"),
        (
            "pin (A) { direction : input; }",
            "pin (A) { }",
            "pin (A): direction '': must be one of input, output",
        ),
        ("direction : input", "direction : left", "cell (INV), pin (A): direction 'left': must be one of"),
        ("pin : A;", 'pin : "A B";', "timing (): related_pin 'B': the cell has no such pin"),
        ("area : 1", "dont_use : maybe", "cell (INV): dont_use 'maybe': must be true or false"),
    ],
)
def test_a_mistake_in_a_cell(before: str, after: str, said: str, tmp_path: Path) -> None:
    text = TIMED.replace(before, after).replace("VALUES", '"1, 2, 3", "4, 5, 6"')
    with pytest.raises(UserError, match=re.escape(said)):
        write_plain(read(text, tmp_path))


def test_the_order_of_the_file_stays(tmp_path: Path) -> None:
    """OpenSTA knows no operating conditions that come later."""
    parts = ["operating_conditions (typical)", "default_operating_conditions : typical", "cell (A)", "b : 1;"]
    text = (
        f"library (a) {{ {parts[0]} {{ voltage : 1; }} {parts[1]}; {parts[2]} {{ area : 1; }} {parts[3]} }}"
    )
    plain = write_plain(read(text, tmp_path))
    places = [plain.index(part) for part in parts]
    assert places == sorted(places)


def test_a_pin_without_a_load_has_the_default(tmp_path: Path) -> None:
    """abc would take none."""
    text = TIMED.replace("VALUES", '"1, 2, 3", "4, 5, 6"').replace(
        "time_unit", "default_input_pin_cap : 7; time_unit"
    )
    plain = read(write_plain(read(text, tmp_path)), tmp_path)
    [cell] = plain.inner("cell")
    assert [pin.number("capacitance") for pin in cell.inner("pin")] == [7, None]


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file, said in (
        (tmp_path / "none.lib", "no such file"),
        (tmp_path, "is a folder; must be a file"),
        (tmp_path / "pipe", "is a pipe or a device; must be a file"),
        (tmp_path / ("x" * 300), "not readable"),
    ):
        with pytest.raises(UserError, match=said):
            targets.select_target(None, [file])


def test_files_in_any_packing_and_character_set(tmp_path: Path) -> None:
    text = targets.GENERIC.read_text().replace("library (", "/* 1 µm, Gerät */ library (", 1)
    for raw in (
        text.encode("latin-1"), text.encode(), b"\xef\xbb\xbf" + text.encode(), gzip.compress(text.encode()),
        text.replace("\n", "\r\n").encode(),
    ):  # fmt: skip
        assert len(list(read(raw, tmp_path).inner("cell"))) > 5
    for raw, said in (
        (gzip.compress(text.encode())[:-20], "not readable"),
        (b"\x1f\x8b" + b"x" * 50, "not readable"),
        (text.encode("utf-16"), "is binary"),
    ):
        with pytest.raises(UserError, match=said):
            read(raw, tmp_path)


def test_two_files_of_the_same_name_and_a_blank_in_it(tmp_path: Path) -> None:
    """Cells of both are used, and a cell that is in both is refused."""
    text = targets.GENERIC.read_text()
    gate = re.search(r"^  cell \(XOR2\) (.*\n){4}", text, re.MULTILINE)
    files = [tmp_path / "one" / "my cells.lib", tmp_path / "two" / "my cells.lib"]
    for file, content in zip(files, (text.replace(gate[0], ""), f"library (b) {{\n{gate[0]}}}"), strict=True):
        file.parent.mkdir()
        file.write_text(content)
    assert re.search(r"^  XN?OR2 ", mapped(files, tmp_path / "a folder"), re.MULTILINE)
    with pytest.raises(UserError, match=r"is given twice; must be given once"):
        liberty_file.load_all([files[0], tmp_path / "two" / ".." / "one" / "my cells.lib"])
    files[0].write_text(text)
    with pytest.raises(UserError, match=r"two/my cells\.lib', line 2: cell \(XOR2\): is in '.*one/my cells"):
        liberty_file.load_all(files)


@pytest.mark.parametrize(
    ("spelling", "used"),
    [
        ("false", True), ("FALSE", True), ('"False"', True), ('" false "', True),
        ("true", False), ("TRUE", False), ('"True"', False),
    ],
)  # fmt: skip
def test_dont_use(spelling: str, used: bool, tmp_path: Path) -> None:
    text = re.sub(
        r"cell \((XN?OR2)\) \{", rf"cell (\1) {{ dont_use : {spelling};", targets.GENERIC.read_text()
    )
    (tmp_path / "some.lib").write_text(text)
    assert (
        bool(re.search(r"^  XN?OR2 ", mapped([tmp_path / "some.lib"], tmp_path / "w"), re.MULTILINE)) == used
    )


@pytest.mark.parametrize("area", ["", "area : 0.0; "])
def test_no_areas(area: str, tmp_path: Path) -> None:
    text = targets.GENERIC.read_text()
    (tmp_path / "some.lib").write_text(re.sub(r"area : [\d.]+; ?", area, text))
    with pytest.raises(UserError, match=r"some\.lib', line 12: cell \(NAND2\): has no area; must"):
        liberty.read("some", [tmp_path / "some.lib"], tmp_path)
    (tmp_path / "some.lib").write_text(re.sub(r"(cell \(DFF\) \{ )area : [\d.]+; ?", rf"\1{area}", text))
    with pytest.raises(UserError, match=r"some\.lib', line 42: cell \(DFF\): has no area; must have"):
        mapped([tmp_path / "some.lib"], tmp_path / "w")


def test_yosys_reads_any_spelling_alike(tmp_path: Path) -> None:
    """The same cells from a text whose pins, bundles, functions and numbers are spelled in other ways."""
    odd = in_generic(
        """  type (two) { base_type : array; bit_width : 2; bit_from : 1; bit_to : 0; }
  cell (WIDE) { area : 9; bus (A) { bus_type : two; direction : input; } pin (Y) { direction : output; } }
  cell (BANK) { area : 9; ff_bank (IQ, IQN, 2) { clocked_on : CK; next_state : D; }
    bundle (D) { members (D0, D1); direction : input; } pin (CK) { direction : input; clock : TRUE; }
    bundle (Q) { members (Q0, Q1); direction : output; function : IQ; } }"""
    )
    odd = odd.replace(
        "pin (A) { direction : input; } pin (B) { direction : input; }", "pin (A, B) { direction : input }"
    )
    odd = odd.replace('function : "!(A*B)"', "function : !(A*B)").replace("area : 1.0", "area : 0.5 + 0.5")
    assert odd.count("pin (A, B)") > 3
    assert odd.count("0.5 + 0.5")
    (tmp_path / "odd.lib").write_text(odd)
    found = []
    for name, file in (("odd", tmp_path / "odd.lib"), ("plain", targets.GENERIC)):
        (tmp_path / name).mkdir()
        found.append(liberty.read(name, [file], tmp_path / name))
    assert found[0].cells == found[1].cells
    assert json.dumps(found[0].behaviour) == json.dumps(found[1].behaviour)
