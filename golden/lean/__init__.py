# SPDX-License-Identifier: Apache-2.0
"""Bit-true models of the lean sampler's search, affinities and map (contract, sections 19 to 21).

Every function takes any number of groups of equal size at once, as leading axes of its arrays; a group's
values do not depend on the others.
"""
