# SPDX-License-Identifier: Apache-2.0
"""Simulation of the hardware, built with Verilator and driven by cocotb.

* ``sampler`` runs the whole sampler on a batch of images, ``batches`` a job of several batches; ``compare``
  holds their results against the golden model's.
* ``check`` runs the regressions of the units, ``random_regression`` whole samplers drawn at random.
* ``testbenches`` has the testbench of each unit; ``models`` has what surrounds the hardware in them:
  streams, memory, buses, driver, scoreboards.
* ``activity`` counts toggles.
* ``verilator`` builds and runs, and puts checkers, traces and faults into Verilog text.
"""

import os

__path__ = [os.path.realpath(folder) for folder in __path__]
# A checkout holds this folder at its top and a link to it in ``nms``; messages name the real one.
