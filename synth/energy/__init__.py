# SPDX-License-Identifier: Apache-2.0
"""From counted toggles to energy: cell libraries, netlists, fitted blocks, memories, other nodes."""
