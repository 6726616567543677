# SPDX-License-Identifier: Apache-2.0
"""Blocks and pieces that other blocks are made of: fixed point, streams, CORDIC, Newton, random numbers."""
