# SPDX-License-Identifier: Apache-2.0
"""The array of processing elements (PEA): distances of all pairs, rows, weights of candidates."""
