# SPDX-License-Identifier: Apache-2.0
"""The search of each row's beta: differential evolution (DE), brackets, fitness."""
