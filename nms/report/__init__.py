# SPDX-License-Identifier: Apache-2.0
"""``nms report``: results as one self-contained HTML page."""
