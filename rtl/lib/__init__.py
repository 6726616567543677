# SPDX-License-Identifier: Apache-2.0
"""What other blocks are made of: fixed point, streams, memories, CORDIC, Newton, random numbers."""
