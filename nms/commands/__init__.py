# SPDX-License-Identifier: Apache-2.0
"""The commands of the command line, one a file; what is costly to import, a command imports itself."""
