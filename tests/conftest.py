# SPDX-License-Identifier: Apache-2.0
"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _data() -> Path:
    return Path(os.environ.get("NMS_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets: ``$NMS_DATA``, else ``../shared/data``; without them the test is skipped."""
    directory = _data()
    if not directory.is_dir():
        pytest.skip(f"no data sets in {directory}; name their folder in NMS_DATA")
    return directory


@pytest.fixture(scope="session")
def shared_liberty() -> Path:
    """Open cell libraries: ``$NMS_LIBERTY``, else ``../shared/liberty``; without them the test is skipped."""
    directory = Path(os.environ.get("NMS_LIBERTY", ROOT.parent / "shared" / "liberty"))
    if not directory.is_dir():
        pytest.skip(f"no cell libraries in {directory}; name their folder in NMS_LIBERTY")
    return directory
