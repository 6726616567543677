# SPDX-License-Identifier: Apache-2.0
"""The cocotb benches, one module a unit: ``nms.sim.testbenches.<unit>``, run inside the simulator.

A complete bench. It drives one stream, takes the other and compares with the golden model, under all
patterns of stalls, and after a reset in the middle::

    import cocotb

    from nms.golden.cordic import rotate
    from nms.contract.config import Config
    from nms.sim.verilator.context import parameters
    from nms.sim.models.scoreboard import Scoreboard
    from nms.sim.models.seeds import generator
    from nms.sim.models.streams import Pack, Sink, Source, Stalls, reset_mid, start

    CONFIG = Config(**parameters()["config"])
    REQUEST = Pack({"z": 20, "w": -24})  # as the StructLayout: first field lowest, negative = signed


    @cocotb.test()
    @cocotb.parametrize(stalls=list(Stalls))
    async def streams(dut, stalls):
        await start(dut)  # clock, all inputs 0, reset
        rng = generator("streams")  # numpy generator: seed of the run and this name
        z = rng.integers(0, 1 << 20, 200)
        board = Scoreboard("cordic", minimum=200)
        board.expect(int(y) for y in rotate(CONFIG.profile, z))
        Source(dut, "i_x", stalls).start(REQUEST.pack(z=v, w=-1) for v in z)  # in the background
        await Sink(dut, "o_y", stalls, signed=True).take(200, timeout=50_000, into=board.got)
        board.finish()  # all equal, none missing, at least the minimum


    @cocotb.test()
    async def reset(dut):
        await start(dut)
        Source(dut, "i_x").start(range(100))
        await Sink(dut, "o_y").take(10, timeout=1000)
        await reset_mid(dut)  # cancels what was started, resets; then a clean run as above

``nms.sim.check.check(config, ["cordic"])`` emits the block, builds and runs it; a bench under
construction runs by ``simulate(module="cordic", verilog=nms.rtl.export.emit.verilog(block),
bench="nms.sim.testbenches.cordic", parameters={"config": config.model_dump()}, seed=1)``.

Ports that are no streams are driven and read directly: ``dut.i_go.value = 1`` and
``dut.o_done.value``, or ``.value.to_unsigned()`` for vectors, around ``await cycles(dut, n)`` and
``await until(dut, "o_done", timeout)``. They change just after, and are sampled just before, a
rising edge of ``dut.clk``. Each access costs 5 to 8 microseconds, as does each ``await``.

Running beside every bench, with no Python: the stream protocol on each port of each module, and
Amaranth's ``Assert`` (see :mod:`nms.sim.verilator.runner`).
"""
