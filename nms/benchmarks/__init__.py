# SPDX-License-Identifier: Apache-2.0
"""Figures measured side by side in one run, each with its bound where one is claimed; one subject a file."""
