# SPDX-License-Identifier: Apache-2.0
"""Reduction of images to the means of the boxes of a coarse grid, while their bytes stream by."""
