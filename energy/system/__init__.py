# SPDX-License-Identifier: Apache-2.0
"""Energy: what the memory system spends on moving a data set, and what a sampler beside the memory saves."""
