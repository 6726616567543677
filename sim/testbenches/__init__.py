# SPDX-License-Identifier: Apache-2.0
"""The cocotb testbenches, one package a unit, run inside the simulator.

``nms.sim.testbenches.<unit>.environment`` has what a test needs: stimulus, drivers, monitors, scoreboards;
``nms.sim.testbenches.<unit>.tests`` has the tests alone. ``common`` is what several units share;
``jobs`` runs whole jobs for whoever asks for their results.

A complete testbench. Its tests drive one stream, take the other and compare with the golden model, under all
patterns of stalls, and after a reset in the middle::

    import cocotb

    from nms.contract.config import Config
    from nms.golden.cordic import rotate
    from nms.rtl.lib.cordic import Rotate
    from nms.sim.models.scoreboard import Scoreboard
    from nms.sim.models.seeds import generator
    from nms.sim.models.streams import Pack, Sink, Source, Stalls, reset_mid, start
    from nms.sim.verilator.context import parameters

    # environment.py
    CONFIG = Config(**parameters()["config"])
    BLOCK = Rotate(...)
    ITEM = Pack(BLOCK.i.payload.shape())  # widths come from the block


    # tests.py
    @cocotb.test()
    @cocotb.parametrize(stalls=list(Stalls))
    async def streams(dut, stalls):
        await start(dut)  # clock, all inputs 0, reset
        rng = generator("streams")  # numpy generator: seed of the run and this name
        angles = rng.integers(0, 1 << 20, 200)
        board = Scoreboard("cordic", minimum=200)
        board.expect(...)  # what the golden model makes of them
        Source(dut, "i", stalls).start(ITEM.pack(angle=angle, tag=0) for angle in angles)  # in the background
        await Sink(dut, "o", stalls).take(200, timeout=50_000, into=board.got)
        board.finish()  # all equal, none missing, at least the minimum


    @cocotb.test()
    async def reset(dut):
        await start(dut)
        Source(dut, "i").start(range(100))
        await Sink(dut, "o").take(10, timeout=1000)
        await reset_mid(dut)  # cancels what was started, resets; then a clean run as above

``nms.sim.check.check(config, ["cordic"])`` emits the unit's blocks, builds and runs them;
``nms.sim.check.simulate_block(block, "cordic", config, nms.rtl.export.emit.verilog(block))`` does so with one
block, made as the test likes. What a testbench needs to know of a block beside the configuration, the block
says itself (:meth:`nms.rtl.lib.hierarchy.Block.testbench_parameters`).

Ports that are no streams are driven and read directly: ``dut.i_go.value = 1`` and
``dut.o_done.value``, or ``.value.to_unsigned()`` for vectors, around ``await cycles(dut, n)`` and
``await until(dut, "o_done", timeout)``. They change just after, and are sampled just before, a
rising edge of ``dut.clk``. Each access costs 5 to 8 microseconds, as does each ``await``.

Beside every testbench run, with no Python: the checkers of the stream protocol on each port of each module,
and Amaranth's ``Assert`` (see :mod:`nms.sim.verilator.runner`).
"""
