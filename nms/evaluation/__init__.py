# SPDX-License-Identifier: Apache-2.0
"""Whether sampling helps: models trained on what each method keeps, compared on held-out images."""

from nms.evaluation.evaluate import Evaluation, evaluate
from nms.evaluation.scenario import Scenario

__all__ = ["Evaluation", "Scenario", "evaluate"]
