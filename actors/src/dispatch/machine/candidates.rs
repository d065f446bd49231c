//! The deployments of a call that were not asked yet, in the router's order.

use std::collections::VecDeque;

use ainfera_routing::DeploymentIndex;
use ainfera_schema::Usd;
use ainfera_wire::error::Lack;

/// A deployment that may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub deployment: DeploymentIndex,
    /// What has to be reserved before it is asked.
    pub reservation: Usd,
    pub context_window: Option<u64>,
    pub tools: ToolSupport,
}

/// Whether a model can be given tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolSupport {
    Supported,
    Unsupported,
}

/// See the module.
#[derive(Debug)]
pub struct Candidates {
    left: VecDeque<Candidate>,
    /// The model whose deployment was asked last: a position in the catalogue.
    asked_last: Option<usize>,
}

/// Who has just refused the call for what its model cannot do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unable {
    pub model: usize,
    pub context_window: Option<u64>,
}

impl Candidates {
    pub fn new(left: impl IntoIterator<Item = Candidate>) -> Self {
        Self { left: left.into_iter().collect(), asked_last: None }
    }

    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    pub fn clear(&mut self) {
        self.left.clear();
    }

    /// The deployments as they are asked: for the last attempt those of the model that was just
    /// asked come after the other models.
    pub fn in_order(&self, is_last_attempt: bool) -> Vec<DeploymentIndex> {
        let asked_last = self.asked_last.filter(|_| is_last_attempt);
        let all = self.left.iter().map(|candidate| candidate.deployment);
        let (again, mut queue): (Vec<_>, Vec<_>) =
            all.partition(|index| Some(index.model) == asked_last);
        queue.extend(again);
        queue
    }

    /// The deployment whose turn it is.
    pub fn take(&mut self, deployment: DeploymentIndex) -> Option<Candidate> {
        let position = self.left.iter().position(|candidate| candidate.deployment == deployment)?;
        self.asked_last = Some(deployment.model);
        self.left.remove(position)
    }

    /// After a refusal of what the model cannot do: the candidates that cannot do it either are
    /// left out.
    pub(super) fn leave_out_as_unable(&mut self, refused_by: Unable, lack: Lack) {
        self.left.retain(|candidate| match lack {
            // another deployment of the model has the same window
            Lack::Window if candidate.deployment.model == refused_by.model => false,
            // a window that is not known may be larger
            Lack::Window => match (candidate.context_window, refused_by.context_window) {
                (Some(other), Some(window)) => other > window,
                (Some(_), None) | (None, _) => true,
            },
            Lack::Tools => candidate.tools == ToolSupport::Supported,
            Lack::Attachment | Lack::Schema | Lack::Effort | Lack::Sampling | Lack::OutputLimit => {
                true
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(model: usize, deployment: usize, window: Option<u64>) -> Candidate {
        Candidate {
            deployment: DeploymentIndex { model, deployment },
            reservation: Usd::ZERO,
            context_window: window,
            tools: ToolSupport::Supported,
        }
    }

    fn models(candidates: &Candidates, is_last: bool) -> Vec<(usize, usize)> {
        let queue = candidates.in_order(is_last);
        queue.into_iter().map(|index| (index.model, index.deployment)).collect()
    }

    #[test]
    fn the_deployments_of_one_model_do_not_take_the_last_attempt_from_the_other_models() {
        let all = [candidate(0, 0, None), candidate(0, 1, None), candidate(1, 0, None)];
        let mut candidates = Candidates::new(all);
        assert_eq!(models(&candidates, true), [(0, 0), (0, 1), (1, 0)]);
        assert_eq!(candidates.take(all[0].deployment), Some(all[0]));
        assert_eq!(candidates.take(all[0].deployment), None);
        assert_eq!(models(&candidates, false), [(0, 1), (1, 0)]);
        assert_eq!(models(&candidates, true), [(1, 0), (0, 1)]);
    }

    #[test]
    fn after_a_window_that_is_too_small_only_larger_and_unknown_ones_are_left() {
        let all = [
            candidate(0, 1, Some(9)),
            candidate(1, 0, Some(5)),
            candidate(2, 0, Some(6)),
            candidate(3, 0, None),
        ];
        let mut candidates = Candidates::new(all);
        let unable = Unable { model: 0, context_window: Some(5) };
        candidates.leave_out_as_unable(unable, Lack::Window);
        assert_eq!(models(&candidates, false), [(2, 0), (3, 0)]);
    }

    #[test]
    fn after_a_refusal_of_tools_models_without_tools_are_left_out() {
        let without = Candidate { tools: ToolSupport::Unsupported, ..candidate(2, 0, None) };
        let mut candidates = Candidates::new([candidate(1, 0, None), without]);
        let unable = Unable { model: 0, context_window: None };
        candidates.leave_out_as_unable(unable, Lack::Attachment);
        assert_eq!(models(&candidates, false), [(1, 0), (2, 0)]);
        candidates.leave_out_as_unable(unable, Lack::Tools);
        assert_eq!(models(&candidates, false), [(1, 0)]);
    }
}
