//! The order in which a routed call tries the catalogue: hard filters first, which say what a model
//! cannot do at all, then the decision on the rest. What is set aside stays in the record, with its
//! reason.

use ainfera_schema::ProviderKind;

use crate::catalogue::{Catalogue, CatalogueEntry};
use crate::decide::{
    Candidate, ConsideredCandidate, DecideOptions, DecideRequest, Decision, DropReason, RuleFired,
    decide, projected_cost_usd,
};
use crate::deployment::Deployment;
use crate::policy::Policy;

/// What a call asks of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    pub tools: bool,
    /// The call has tools that Anthropic runs on its own servers; no other vendor can take them.
    pub anthropic_only: bool,
    pub estimated_input_tokens: u64,
    pub max_tokens: u64,
}

/// The indexes in a plan, and those of its decision's candidates, are positions in the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Winner first; never empty.
    Ranked {
        ranked: Vec<usize>,
        decision: Decision,
    },
    Rejected {
        reason: RejectReason,
        decision: Decision,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectReason {
    NoCandidateClearsFloor,
    NoCandidateEnrolled,
    /// Without its tools the call would have found a model.
    ToolsNotSupported,
    /// Had it let its fields be changed, the call would have found a model.
    CoercionRefused,
    /// What only one dialect has a word for kept it from every model that it would have found.
    OtherDialect,
    /// A shorter prompt would have found a model.
    ContextWindowExceeded,
    /// With a larger budget the call would have found a model.
    BudgetExceeded,
}

pub fn plan(
    catalogue: &Catalogue,
    needs: &Needs,
    policy: &Policy,
    options: &DecideOptions,
) -> Plan {
    plan_without(&[], catalogue, needs, policy, options)
}

/// The same without those that would not get the call as it was sent, or speak another dialect than
/// it needs: positions in the catalogue, and which of both.
/// Models that cannot make as much output as was asked for come into question only where no other
/// does.
pub fn plan_without(
    unfit: &[(usize, DropReason)],
    catalogue: &Catalogue,
    needs: &Needs,
    policy: &Policy,
    options: &DecideOptions,
) -> Plan {
    match plan_within(OutputLimits::Respected, unfit, catalogue, needs, policy, options) {
        Plan::Rejected { .. }
            if catalogue.entries().iter().any(|entry| needs.exceeds_output_of(entry)) =>
        {
            plan_within(OutputLimits::Clamped, unfit, catalogue, needs, policy, options)
        }
        plan => plan,
    }
}

/// What an output limit means to a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OutputLimits {
    Respected,
    Clamped,
}

fn plan_within(
    limits: OutputLimits,
    unfit: &[(usize, DropReason)],
    catalogue: &Catalogue,
    needs: &Needs,
    policy: &Policy,
    options: &DecideOptions,
) -> Plan {
    let request = DecideRequest {
        estimated_input_tokens: needs.estimated_input_tokens,
        reserved_max_tokens: needs.max_tokens,
    };
    let reason = |index: usize| {
        let entry = catalogue.get(index)?;
        let unfit = unfit.iter().find(|(unfit, _)| *unfit == index).map(|(_, reason)| *reason);
        let is_short = limits == OutputLimits::Respected && needs.exceeds_output_of(entry);
        let unmet = needs.unmet_by_all(catalogue.deployments(index)).or(unfit);
        unmet
            .or_else(|| needs.exceeds_window_of(entry).then_some(DropReason::ExceedsContextWindow))
            .or(is_short.then_some(DropReason::ExceedsOutputLimit))
    };
    let misfits: Vec<(usize, DropReason)> = (0..catalogue.entries().len())
        .filter_map(|index| reason(index).map(|reason| (index, reason)))
        .collect();
    let decision = if misfits.is_empty() {
        decide(&request, catalogue.candidates(), policy, options)
    } else {
        decide_without(&misfits, catalogue, &request, policy, options)
    };
    let ranked: Vec<usize> = decision
        .candidates
        .iter()
        .filter(|candidate| candidate.rank.is_some())
        .map(|candidate| candidate.index)
        .collect();
    if !ranked.is_empty() {
        return Plan::Ranked { ranked, decision };
    }
    let found_without = |unfit: &[(usize, DropReason)]| {
        matches!(plan_without(unfit, catalogue, needs, policy, options), Plan::Ranked { .. })
    };
    if let Some(reason) = unfit_to_blame(unfit, &found_without) {
        return Plan::Rejected { reason, decision };
    }
    // The reason is computed only for a rejection, because it costs further decisions.
    let without_budget = || Policy { budget_cap_usd: None, ..policy.clone() };
    let money_is_to_blame = policy.budget_cap_usd.is_some()
        && decide_without(&misfits, catalogue, &request, &without_budget(), options)
            .chosen
            .is_some();
    let would_pass = |but: DropReason| {
        let others: Vec<_> = misfits.iter().copied().filter(|(_, reason)| *reason != but).collect();
        others.len() < misfits.len()
            && decide_without(&others, catalogue, &request, policy, options).chosen.is_some()
    };
    let all_would_pass = || {
        !misfits.is_empty()
            && decide(&request, catalogue.candidates(), policy, options).chosen.is_some()
    };
    let reason = match decision.rule_fired {
        _ if money_is_to_blame => RejectReason::BudgetExceeded,
        _ if would_pass(DropReason::ExceedsContextWindow) => RejectReason::ContextWindowExceeded,
        _ if all_would_pass() => RejectReason::ToolsNotSupported,
        RuleFired::NoCandidateClearsFloor => RejectReason::NoCandidateClearsFloor,
        _ => RejectReason::NoCandidateEnrolled,
    };
    Plan::Rejected { reason, decision }
}

/// A position in the catalogue, and why that model is passed over.
type Unfit = (usize, DropReason);

/// Why no model is left where one would have been found without what makes some unfit.
fn unfit_to_blame(
    unfit: &[Unfit],
    found_without: &dyn Fn(&[Unfit]) -> bool,
) -> Option<RejectReason> {
    if unfit.is_empty() || !found_without(&[]) {
        return None;
    }
    let foreign: Vec<_> =
        unfit.iter().copied().filter(|(_, why)| *why == DropReason::OtherDialect).collect();
    let is_lossy = foreign.len() < unfit.len() && found_without(&foreign);
    Some(if is_lossy { RejectReason::CoercionRefused } else { RejectReason::OtherDialect })
}

/// The whole considered set with drop reasons, those set aside included, as JSON array text.
pub fn candidates_json(plan: &Plan) -> String {
    // Cannot fail: every key is text, every value text, a number or null.
    serde_json::to_string(&plan.decision().candidates).unwrap_or_else(|_| String::from("[]"))
}

fn decide_without(
    misfits: &[(usize, DropReason)],
    catalogue: &Catalogue,
    request: &DecideRequest,
    policy: &Policy,
    options: &DecideOptions,
) -> Decision {
    let is_misfit =
        |index: &usize| misfits.binary_search_by_key(index, |(misfit, _)| *misfit).is_ok();
    let kept: Vec<usize> =
        (0..catalogue.candidates().len()).filter(|index| !is_misfit(index)).collect();
    let candidates: Vec<&Candidate> =
        kept.iter().map(|index| &catalogue.candidates()[*index]).collect();
    let mut decision = decide(request, &candidates, policy, options);
    for candidate in &mut decision.candidates {
        candidate.index = kept[candidate.index];
    }
    let set_aside = misfits.iter().map(|(index, reason)| {
        set_aside(*index, &catalogue.candidates()[*index], *reason, request)
    });
    decision.candidates.extend(set_aside);
    decision
}

fn set_aside(
    index: usize,
    candidate: &Candidate,
    reason: DropReason,
    request: &DecideRequest,
) -> ConsideredCandidate {
    ConsideredCandidate {
        index,
        model_id: candidate.model_id.clone(),
        model_slug: candidate.model_slug.clone(),
        drop_reason: Some(reason),
        rank: None,
        projected_cost_usd: candidate.price.and_then(|price| projected_cost_usd(&price, request)),
        q_prior: candidate.q_prior,
    }
}

impl Needs {
    /// What of the call the model cannot do at all.
    pub fn unmet_by(&self, entry: &CatalogueEntry) -> Option<DropReason> {
        if self.tools && !entry.model.supports_tools {
            return Some(DropReason::ToolsNotSupported);
        }
        let runs_server_tools = matches!(entry.kind, ProviderKind::Anthropic | ProviderKind::Mock);
        (self.anthropic_only && !runs_server_tools).then_some(DropReason::ServerToolsNotSupported)
    }

    /// What no deployment of a model can do: the reason of the first.
    pub fn unmet_by_all(&self, deployments: &[Deployment]) -> Option<DropReason> {
        let mut unmet = None;
        for deployment in deployments {
            unmet = unmet.or(Some(self.unmet_by(&deployment.entry)?));
        }
        unmet
    }

    /// By the estimate and not by the bound: what may just fit is sent, and the provider counts.
    fn exceeds_window_of(&self, entry: &CatalogueEntry) -> bool {
        entry.model.context_window.is_some_and(|window| self.estimated_input_tokens >= window)
    }

    fn exceeds_output_of(&self, entry: &CatalogueEntry) -> bool {
        entry.model.max_output_tokens.is_some_and(|most| self.max_tokens > most)
    }
}

impl Plan {
    pub fn decision(&self) -> &Decision {
        match self {
            Plan::Ranked { decision, .. } | Plan::Rejected { decision, .. } => decision,
        }
    }
}

impl Plan {
    /// The candidates that may be tried, the winner first.
    pub fn ranked(&self) -> &[usize] {
        match self {
            Plan::Ranked { ranked, .. } => ranked,
            Plan::Rejected { .. } => &[],
        }
    }
}

impl RejectReason {
    pub fn as_str(self) -> &'static str {
        match self {
            RejectReason::NoCandidateClearsFloor => "no_candidate_clears_floor",
            RejectReason::NoCandidateEnrolled => "no_candidate_enrolled",
            RejectReason::ToolsNotSupported => "tools_not_supported",
            RejectReason::CoercionRefused => "coercion_refused",
            RejectReason::OtherDialect => "other_dialect",
            RejectReason::ContextWindowExceeded => "context_window_exceeded",
            RejectReason::BudgetExceeded => "budget_exceeded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::{figures, five};
    use ainfera_schema::ModelSlug;
    use rust_decimal::Decimal;
    use serde_json::Value;

    const PLAIN: Needs = Needs {
        tools: false,
        anthropic_only: false,
        estimated_input_tokens: 1000,
        max_tokens: 1024,
    };
    const WITH_TOOLS: Needs = Needs { tools: true, ..PLAIN };
    const WITH_SERVER_TOOLS: Needs = Needs { tools: true, anthropic_only: true, ..PLAIN };

    fn floor(hundredths: i64) -> Policy {
        Policy::with_floor(Decimal::new(hundredths, 2))
    }

    fn toolless(slugs: &[&str]) -> Catalogue {
        let mut entries = five();
        for entry in &mut entries {
            entry.model.supports_tools = !slugs.contains(&entry.model.slug.as_str());
        }
        Catalogue::new(entries).unwrap()
    }

    fn ranked_slugs(catalogue: &Catalogue, plan: &Plan) -> Vec<String> {
        let Plan::Ranked { ranked, decision } = plan else { panic!("rejected: {plan:?}") };
        let slugs: Vec<ModelSlug> =
            ranked.iter().map(|index| catalogue.get(*index).unwrap().model.slug.clone()).collect();
        assert_eq!(slugs, decision.fallback_order);
        slugs.iter().map(ModelSlug::to_string).collect()
    }

    fn reason_of(plan: &Plan, slug: &str) -> Option<DropReason> {
        plan.decision()
            .candidates
            .iter()
            .find(|candidate| candidate.model_slug.as_str() == slug)
            .unwrap()
            .drop_reason
    }

    #[test]
    fn without_needs_the_plan_is_the_decision() {
        let catalogue = figures();
        let plan = plan(&catalogue, &PLAIN, &floor(86), &DecideOptions::serving());
        assert_eq!(
            ranked_slugs(&catalogue, &plan),
            ["gemini-3-1-pro", "gpt-5-5", "grok-4", "claude-opus-4-7"]
        );
    }

    #[test]
    fn a_model_without_tools_is_set_aside_and_stays_in_the_record() {
        let catalogue = toolless(&["mistral-large-3", "gpt-5-5"]);
        let plan = plan(&catalogue, &WITH_TOOLS, &floor(50), &DecideOptions::serving());
        assert_eq!(
            ranked_slugs(&catalogue, &plan),
            ["gemini-3-1-pro", "grok-4", "claude-opus-4-7"]
        );
        assert_eq!(plan.decision().candidates.len(), 5);
        for candidate in &plan.decision().candidates {
            assert_eq!(catalogue.get(candidate.index).unwrap().model.slug, candidate.model_slug);
        }
        let record: Value = serde_json::from_str(&candidates_json(&plan)).unwrap();
        assert_eq!(record[3]["model_slug"], "gpt-5-5");
        assert_eq!(record[3]["drop_reason"], "tools_not_supported");
        assert_eq!(record[3]["projected_cost_usd"], "0.020360");
        assert_eq!(
            (&record[3]["rank"], &record[3]["q_prior"]),
            (&Value::Null, &Value::from("0.93"))
        );
    }

    #[test]
    fn server_tools_go_to_anthropic_and_the_mock_alone() {
        let catalogue = figures();
        let plan = plan(&catalogue, &WITH_SERVER_TOOLS, &floor(50), &DecideOptions::serving());
        assert_eq!(ranked_slugs(&catalogue, &plan), ["claude-opus-4-7"]);
        assert_eq!(reason_of(&plan, "mistral-large-3"), Some(DropReason::ServerToolsNotSupported));
        for kind in ProviderKind::ALL {
            let entry = CatalogueEntry { kind, ..five().remove(0) };
            let takes = WITH_SERVER_TOOLS.unmet_by(&entry).is_none();
            assert_eq!(
                takes,
                matches!(kind, ProviderKind::Anthropic | ProviderKind::Mock),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn tools_are_the_reason_only_where_the_call_would_have_passed_without_them() {
        let all: Vec<_> = five().iter().map(|entry| entry.model.slug.to_string()).collect();
        let catalogue = toolless(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let rejected = |needs: &Needs, policy: &Policy| match plan(
            &catalogue,
            needs,
            policy,
            &DecideOptions::serving(),
        ) {
            Plan::Rejected { reason, decision } => {
                assert_eq!((decision.chosen, decision.candidates.len()), (None, 5));
                reason
            }
            ranked => panic!("{ranked:?}"),
        };
        assert_eq!(rejected(&WITH_TOOLS, &floor(50)), RejectReason::ToolsNotSupported);
        assert_eq!(rejected(&PLAIN, &floor(96)), RejectReason::NoCandidateClearsFloor);
    }

    #[test]
    fn a_floor_that_no_candidate_clears_is_the_reason_even_where_tools_are_unsupported() {
        let catalogue = toolless(&["mistral-large-3"]);
        let Plan::Rejected { reason, .. } =
            plan(&catalogue, &WITH_TOOLS, &floor(96), &DecideOptions::serving())
        else {
            panic!("ranked")
        };
        assert_eq!(reason, RejectReason::NoCandidateClearsFloor);
    }

    #[test]
    fn a_candidate_that_would_lose_a_field_is_passed_over_and_the_reason_when_none_is_left() {
        let catalogue = figures();
        let without = |unfit: &[usize]| {
            let unfit: Vec<_> =
                unfit.iter().map(|index| (*index, DropReason::CoercionRefused)).collect();
            plan_without(&unfit, &catalogue, &PLAIN, &floor(86), &DecideOptions::serving())
        };
        let gemini = catalogue.position("gemini-3-1-pro").unwrap();
        let plan = without(&[gemini]);
        assert_eq!(ranked_slugs(&catalogue, &plan), ["gpt-5-5", "grok-4", "claude-opus-4-7"]);
        assert_eq!(reason_of(&plan, "gemini-3-1-pro"), Some(DropReason::CoercionRefused));
        assert!(matches!(
            without(&[0, 1, 2, 3, 4]),
            Plan::Rejected { reason: RejectReason::CoercionRefused, .. }
        ));
        let rejected = plan_without(
            &[(0, DropReason::CoercionRefused)],
            &catalogue,
            &PLAIN,
            &floor(99),
            &DecideOptions::serving(),
        );
        assert!(
            matches!(rejected, Plan::Rejected { reason: RejectReason::NoCandidateClearsFloor, .. }),
            "the floor is to blame"
        );
    }

    #[test]
    fn another_dialect_is_passed_over_and_the_reason_when_no_model_speaks_the_callers() {
        let catalogue = figures();
        let without = |unfit: &[(usize, DropReason)]| {
            plan_without(unfit, &catalogue, &PLAIN, &floor(86), &DecideOptions::serving())
        };
        let foreign = |index| (index, DropReason::OtherDialect);
        let gemini = catalogue.position("gemini-3-1-pro").unwrap();
        let plan = without(&[foreign(gemini)]);
        assert_eq!(ranked_slugs(&catalogue, &plan), ["gpt-5-5", "grok-4", "claude-opus-4-7"]);
        assert_eq!(reason_of(&plan, "gemini-3-1-pro"), Some(DropReason::OtherDialect));
        let all: Vec<_> = (0..catalogue.entries().len()).map(foreign).collect();
        assert!(matches!(without(&all), Plan::Rejected { reason: RejectReason::OtherDialect, .. }));
        // without the wish to lose nothing, the one that speaks it would have been found
        let mut strict = all;
        strict[gemini].1 = DropReason::CoercionRefused;
        assert!(matches!(
            without(&strict),
            Plan::Rejected { reason: RejectReason::CoercionRefused, .. }
        ));
    }

    #[test]
    fn a_prompt_larger_than_the_window_goes_to_a_larger_model_or_is_refused_for_its_length() {
        let mut entries = five();
        for entry in &mut entries {
            entry.model.context_window =
                Some(if entry.model.slug.as_str() == "claude-opus-4-7" { 5_000 } else { 900 });
        }
        let catalogue = Catalogue::new(entries).unwrap();
        let plan = |estimated_input_tokens| {
            plan(
                &catalogue,
                &Needs { estimated_input_tokens, ..PLAIN },
                &floor(86),
                &DecideOptions::serving(),
            )
        };
        assert_eq!(ranked_slugs(&catalogue, &plan(1_000)), ["claude-opus-4-7"]);
        assert_eq!(reason_of(&plan(1_000), "gpt-5-5"), Some(DropReason::ExceedsContextWindow));
        assert!(matches!(
            plan(5_000),
            Plan::Rejected { reason: RejectReason::ContextWindowExceeded, .. }
        ));
    }

    #[test]
    fn a_model_with_too_little_output_is_a_candidate_only_where_no_other_is_left() {
        let mut entries = five();
        for entry in &mut entries {
            entry.model.max_output_tokens =
                Some(if entry.model.slug.as_str() == "claude-opus-4-7" { 2_000 } else { 1_000 });
        }
        let catalogue = Catalogue::new(entries).unwrap();
        let slugs = |max_tokens| {
            let plan = plan(
                &catalogue,
                &Needs { max_tokens, ..PLAIN },
                &floor(90),
                &DecideOptions::serving(),
            );
            ranked_slugs(&catalogue, &plan)
        };
        assert_eq!(slugs(1_500), ["claude-opus-4-7"]);
        assert_eq!(slugs(2_500), ["gemini-3-1-pro", "gpt-5-5", "claude-opus-4-7"]);
    }

    #[test]
    fn the_budget_is_the_reason_where_a_larger_one_would_have_found_a_model() {
        let catalogue = figures();
        let reason = |floor_hundredths, budget: Option<&str>| {
            let budget_cap_usd = budget.map(|budget| Decimal::from_str_exact(budget).unwrap());
            match plan(
                &catalogue,
                &PLAIN,
                &Policy { budget_cap_usd, ..floor(floor_hundredths) },
                &DecideOptions::serving(),
            ) {
                Plan::Rejected { reason, .. } => Some(reason),
                Plan::Ranked { .. } => None,
            }
        };
        assert_eq!(reason(50, Some("0.000001")), Some(RejectReason::BudgetExceeded));
        // The cheaper models are below the floor, and the one above it costs more than the budget.
        assert_eq!(reason(94, Some("0.02")), Some(RejectReason::BudgetExceeded));
        assert_eq!(reason(94, Some("1")), None);
        assert_eq!(
            reason(96, Some("0.000001")),
            Some(RejectReason::NoCandidateClearsFloor),
            "no money helps"
        );
        assert_eq!(reason(96, None), Some(RejectReason::NoCandidateClearsFloor));
        let toolless = toolless(&[
            "claude-opus-4-7",
            "gpt-5-5",
            "gemini-3-1-pro",
            "grok-4",
            "mistral-large-3",
        ]);
        let poor = Policy { budget_cap_usd: Some(Decimal::ZERO), ..floor(50) };
        let without_tools = plan(&toolless, &WITH_TOOLS, &poor, &DecideOptions::serving());
        assert!(
            matches!(
                without_tools,
                Plan::Rejected { reason: RejectReason::NoCandidateEnrolled, .. }
            ),
            "{without_tools:?}"
        );
    }

    #[test]
    fn a_model_of_unknown_price_is_no_candidate() {
        let mut entries = five();
        for entry in &mut entries {
            entry.model.price = None;
        }
        let catalogue = Catalogue::new(entries).unwrap();
        let plan = plan(&catalogue, &PLAIN, &floor(0), &DecideOptions::serving());
        assert!(matches!(&plan, Plan::Rejected { reason: RejectReason::NoCandidateEnrolled, .. }));
        assert_eq!(reason_of(&plan, "grok-4"), Some(DropReason::NotEnrolledNoPrice));
    }

    #[test]
    fn an_empty_catalogue_has_nothing_enrolled() {
        let catalogue = Catalogue::new(Vec::new()).unwrap();
        let plan = plan(&catalogue, &WITH_TOOLS, &floor(0), &DecideOptions::serving());
        assert!(matches!(&plan, Plan::Rejected { reason: RejectReason::NoCandidateEnrolled, .. }));
        assert_eq!(candidates_json(&plan), "[]");
    }
}
