# SPDX-License-Identifier: Apache-2.0
"""``nms report``: the results of a run as one self-contained HTML page."""
