# SPDX-License-Identifier: Apache-2.0
"""A testbench without a test."""
