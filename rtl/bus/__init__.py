# SPDX-License-Identifier: Apache-2.0
"""The sampler as a block of an SoC: registers, DMA, AXI."""
