# SPDX-License-Identifier: Apache-2.0
"""The blocks of the lean sampler: distances of reduced images, search and map of few bits, and its core."""
