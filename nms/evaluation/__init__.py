# SPDX-License-Identifier: Apache-2.0
"""Does sampling help? Train models on what each method keeps and compare them on held-out images."""
