# SPDX-License-Identifier: Apache-2.0
"""Names of the modules of a generated core: a prefix for all but the top, so that cores share a design.

Inside the project, modules have their plain names. They are renamed in the text of a core when it is
generated and, by what the title of the text says, back when it is read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nms.contract.errors import UserError

PREFIX = "nms_"
"""The prefix unless another is asked for."""

TOP = "near_memory_sampler"
"""The plain name of the top, kept unless another is asked for."""

TITLE = re.compile(
    r"^// Near-memory sampler, configuration (?P<name>\S+), digest (?P<digest>\w+),"
    r"(?: prefix '(?P<prefix>\w*)', top (?P<top>\w+),)?",
    re.MULTILINE,
)
"""The comment that names the configuration of emitted Verilog and, in a core, how its modules are called."""

IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
DEFINED = re.compile(r"^module (\w+)", re.MULTILINE)
NAMED = re.compile(r"^(module |  (?=\w+ +\w+ +\($))(\w+)", re.MULTILINE)
"""The name of a module where it is defined or instantiated."""

_WORDS = """
accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin
bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking
cmos config const constraint context continue cover covergroup coverpoint cross deassign default defparam
design disable dist do edge else end endcase endchecker endclass endclocking endconfig endfunction
endgenerate endgroup endinterface endmodule endpackage endprimitive endprogram endproperty endspecify
endsequence endtable endtask enum event eventually expect export extends extern final first_match for
force foreach forever fork forkjoin function generate genvar global highz0 highz1 if iff ifnone
ignore_bins illegal_bins implements implies import incdir include initial inout input inside instance int
integer interconnect interface intersect join join_any join_none large let liblist library local
localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos
nor noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive
priority program property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent
pure rand randc randcase randsequence rcmos real realtime ref reg reject_on release repeat restrict return
rnmos rpmos rtran rtranif0 rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared
sequence shortint shortreal showcancelled signed small soft solve specify specparam static string strong
strong0 strong1 struct super supply0 supply1 sync_accept_on sync_reject_on table tagged task this
throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef
union unique unique0 unsigned until until_with untyped use uwire var vectored virtual void wait wait_order
wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""

RESERVED = frozenset(_WORDS.split())
"""The reserved words of SystemVerilog (IEEE 1800-2017), Verilog's among them."""


@dataclass(frozen=True)
class Names:
    """How the modules of a core are called.

    Raises
    ------
    UserError
        ``prefix`` (unless empty) or ``top`` is no Verilog identifier, or ``top`` is a reserved word.
    """

    prefix: str = PREFIX
    top: str = TOP

    def __post_init__(self) -> None:
        if self.prefix and not IDENTIFIER.fullmatch(self.prefix):
            raise UserError(
                f"prefix {self.prefix!r} cannot begin a Verilog identifier: "
                "letters, digits and underscores, no digit first"
            )
        if not IDENTIFIER.fullmatch(self.top):
            raise UserError(
                f"top {self.top!r} is no Verilog identifier: letters, digits and underscores, no digit first"
            )
        if self.top in RESERVED:
            raise UserError(f"top {self.top!r} is a reserved word of SystemVerilog; choose another name")

    def rename(self, module: str) -> str:
        """The name in the core of the module with the plain name ``module``."""
        return self.top if module == TOP else self.prefix + module


NAMES = Names()
"""The names unless others are asked for."""


def apply_names(text: str, names: Names) -> str:
    """The text of a system (:func:`nms.rtl.export.emit.system_verilog`) with the names of a core.

    Raises
    ------
    UserError
        The prefix makes a module's name a reserved word or that of the top.
    """
    new = {module: names.rename(module) for module in DEFINED.findall(text)}
    for module, name in new.items():
        if name in RESERVED:
            raise UserError(f"prefix {names.prefix!r} makes module {module!r} the reserved word {name!r}")
        if name == names.top and module != TOP:
            raise UserError(f"top {names.top!r} is the name of another module of the core; choose another")
    title = f" prefix '{names.prefix}', top {names.top},"
    return TITLE.sub(lambda found: found[0] + title, _rename(text, new))


def restore_names(text: str) -> str:
    """A core's text with the plain names of its modules; a text without such a title as it is."""
    title = TITLE.search(text)
    if title is None or title["top"] is None:
        return text
    old = {
        name: TOP if name == title["top"] else name.removeprefix(title["prefix"])
        for name in DEFINED.findall(text)
    }
    return _rename(text, old)


def _rename(text: str, new: Mapping[str, str]) -> str:
    return NAMED.sub(lambda found: found[1] + new.get(found[2], found[2]), text)
