# SPDX-License-Identifier: Apache-2.0
"""From affinities to the map: symmetrisation, and the update array (TE) with its lanes."""
