# SPDX-License-Identifier: Apache-2.0
"""Whether sampling helps: models trained on what each method keeps, compared on held-out images."""
