# SPDX-License-Identifier: Apache-2.0
"""One self-contained HTML page of a run: what it kept, how it got there, and what that rests on."""
