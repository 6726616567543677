# SPDX-License-Identifier: Apache-2.0
"""What surrounds a block in simulation: streams, memory, driver, scoreboards."""
