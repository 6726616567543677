# SPDX-License-Identifier: Apache-2.0
"""The pages of the blocks, ``docs/blocks``: a drawing and the tables of each unit, from the code."""
