# SPDX-License-Identifier: Apache-2.0
"""Whole jobs on the sampler, run inside the simulator: what they find goes to a file for whoever asked.

They end with an error where a run cannot be trusted, but do not compare with the golden model.
"""
