# SPDX-License-Identifier: Apache-2.0
"""The one exception for a user's mistake."""


class UserError(Exception):
    """Bad input: one line that names the value and what would be right.

    The command line prints the message alone on standard error and exits with status 2; nothing
    half-written is left behind.
    """
