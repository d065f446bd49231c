//! The models that can be had: a snapshot that is built when the configuration is read and shared
//! by every call until the next one.

use ainfera_schema::{Model, ModelSlug, ProviderKind, Unsaid};

use crate::decide::{Candidate, ListPrice, ModelId};
use crate::deployment::{self, Deployment, DeploymentError, DeploymentIndex};

/// A model and which vendor's habits its provider has.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueEntry {
    pub model: Model,
    pub kind: ProviderKind,
    /// What its provider is asked where a caller says nothing.
    pub unsaid: Unsaid,
}

#[derive(Debug, Clone)]
pub struct Catalogue {
    entries: Vec<CatalogueEntry>,
    /// One for each entry, in the same order, so that a call builds none.
    candidates: Vec<Candidate>,
    /// Where each entry can be had: at least once.
    deployments: Vec<Vec<Deployment>>,
    /// Positions in `entries`, by slug.
    by_slug: Vec<usize>,
    m_allowed_set_json: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    #[error("model {slug} is listed twice")]
    DuplicateSlug { slug: ModelSlug },
    #[error("model {slug} is not listed")]
    UnknownSlug { slug: ModelSlug },
    #[error(transparent)]
    Deployments(#[from] DeploymentError),
}

impl Catalogue {
    pub fn new(entries: Vec<CatalogueEntry>) -> Result<Self, CatalogueError> {
        let slug_at = |position: usize| &entries[position].model.slug;
        let mut by_slug: Vec<usize> = (0..entries.len()).collect();
        by_slug.sort_unstable_by(|one, other| slug_at(*one).cmp(slug_at(*other)));
        if let Some(pair) = by_slug.windows(2).find(|pair| slug_at(pair[0]) == slug_at(pair[1])) {
            return Err(CatalogueError::DuplicateSlug { slug: slug_at(pair[0]).clone() });
        }
        let allowed = entries
            .iter()
            .filter(|entry| entry.model.m_allowed == Some(true))
            .map(|entry| entry.model.slug.as_str());
        let m_allowed_set_json = serde_json::Value::from_iter(allowed).to_string();
        let candidates = entries.iter().map(candidate).collect();
        let deployments = entries
            .iter()
            .map(|entry| vec![Deployment { entry: entry.clone(), weight: 1 }])
            .collect();
        Ok(Self { entries, candidates, deployments, by_slug, m_allowed_set_json })
    }

    /// The same, with one model served by these in place of its entry's provider. What the router
    /// sees of it does not change.
    pub fn with_deployments(
        mut self,
        slug: &ModelSlug,
        deployments: Vec<Deployment>,
    ) -> Result<Self, CatalogueError> {
        let position = self
            .position(slug.as_str())
            .ok_or_else(|| CatalogueError::UnknownSlug { slug: slug.clone() })?;
        deployment::check(slug, &deployments)?;
        self.deployments[position] = deployments;
        Ok(self)
    }

    /// Where the entry at this position can be had. Empty only where there is no such entry.
    pub fn deployments(&self, index: usize) -> &[Deployment] {
        self.deployments.get(index).map_or(&[], Vec::as_slice)
    }

    /// The model as one deployment serves it.
    pub fn at(&self, index: DeploymentIndex) -> Option<&CatalogueEntry> {
        self.deployments(index.model).get(index.deployment).map(|deployment| &deployment.entry)
    }

    pub fn entries(&self) -> &[CatalogueEntry] {
        &self.entries
    }

    /// The entries as `decide` sees them, in the same order.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    pub fn get(&self, index: usize) -> Option<&CatalogueEntry> {
        self.entries.get(index)
    }

    pub fn find(&self, slug: &str) -> Option<&CatalogueEntry> {
        self.position(slug).and_then(|index| self.get(index))
    }

    pub fn position(&self, slug: &str) -> Option<usize> {
        let found = self
            .by_slug
            .binary_search_by(|position| self.entries[*position].model.slug.as_str().cmp(slug));
        found.ok().map(|at| self.by_slug[at])
    }

    /// The entries that a routing name can lead to: priced, with a prior, and allowed. The rest can
    /// be pinned at most.
    pub fn routable(&self) -> impl Iterator<Item = &CatalogueEntry> {
        let enrolled = |candidate: &Candidate| {
            candidate.price.is_some()
                && candidate.q_prior.is_some()
                && candidate.m_allowed == Some(true)
        };
        self.entries
            .iter()
            .zip(&self.candidates)
            .filter(move |(_, candidate)| enrolled(candidate))
            .map(|(entry, _)| entry)
    }

    /// The slugs that an operator allowed routing to, as JSON array text.
    pub fn m_allowed_set_json(&self) -> &str {
        &self.m_allowed_set_json
    }
}

fn candidate(entry: &CatalogueEntry) -> Candidate {
    let model = &entry.model;
    Candidate {
        model_id: ModelId::of_slug(&model.slug),
        model_slug: model.slug.clone(),
        maker: model.maker.as_str().into(),
        q_prior: model.q_prior,
        price: model
            .price
            .as_ref()
            .and_then(|sheet| ListPrice::new(sheet.base.input, sheet.base.output)),
        m_allowed: model.m_allowed,
        expected_latency_ms: model.expected_latency_ms.map(u64::from),
        // The catalogue does not list agentic indexes yet; an unknown one passes.
        agentic_index: None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ainfera_schema::{OwnDeadlines, Price, ProviderId};
    use rust_decimal::Decimal;

    pub(crate) fn entry(
        slug: &str,
        kind: ProviderKind,
        q_prior: &str,
        input: &str,
        output: &str,
    ) -> CatalogueEntry {
        let decimal = |text: &str| Decimal::from_str_exact(text).unwrap();
        let model = Model {
            slug: ModelSlug::new(slug),
            provider: ProviderId::new(kind.as_str()),
            upstream_name: slug.to_string(),
            maker: kind.as_str().to_string(),
            q_prior: Some(decimal(q_prior)),
            price: Some(
                Price {
                    input: decimal(input),
                    output: decimal(output),
                    cache_read: None,
                    cache_write: None,
                    cache_write_1h: None,
                    reasoning: None,
                }
                .into(),
            ),
            m_allowed: Some(true),
            supports_tools: true,
            reasoning: None,
            stream_mode: ainfera_schema::StreamMode::Native,
            context_window: None,
            max_output_tokens: None,
            takes: ainfera_schema::ModelTakes::default(),
            expected_latency_ms: None,
            as_of: None,
            deadlines: OwnDeadlines::default(),
        };
        CatalogueEntry { model, kind, unsaid: Unsaid::default() }
    }

    /// The five models that the original system had enrolled.
    pub(crate) fn five() -> Vec<CatalogueEntry> {
        vec![
            entry("claude-opus-4-7", ProviderKind::Anthropic, "0.95", "15", "75"),
            entry("gpt-5-5", ProviderKind::Openai, "0.93", "5", "15"),
            entry("gemini-3-1-pro", ProviderKind::Gemini, "0.90", "1.25", "10"),
            entry("grok-4", ProviderKind::Xai, "0.86", "5", "15"),
            entry("mistral-large-3", ProviderKind::Mistral, "0.80", "2", "6"),
        ]
    }

    pub(crate) fn figures() -> Catalogue {
        Catalogue::new(five()).unwrap()
    }

    #[test]
    fn every_slug_is_found_at_its_place_and_no_other() {
        let catalogue = figures();
        for (index, entry) in catalogue.entries().iter().enumerate() {
            assert_eq!(catalogue.position(entry.model.slug.as_str()), Some(index));
            assert_eq!(catalogue.find(entry.model.slug.as_str()), Some(entry));
        }
        for stranger in ["", "gpt-5", "gpt-5-55", "zzz"] {
            assert_eq!(catalogue.find(stranger), None);
        }
    }

    #[test]
    fn a_slug_listed_twice_is_refused() {
        let mut entries = five();
        entries.push(entry("grok-4", ProviderKind::Mock, "0.1", "1", "1"));
        assert_eq!(
            Catalogue::new(entries).unwrap_err(),
            CatalogueError::DuplicateSlug { slug: ModelSlug::new("grok-4") }
        );
    }

    #[test]
    fn routable_are_those_with_price_prior_and_permission() {
        let mut entries = five();
        entries[0].model.price = None;
        entries[1].model.q_prior = None;
        entries[2].model.m_allowed = None;
        entries[3].model.m_allowed = Some(false);
        let catalogue = Catalogue::new(entries).unwrap();
        assert_eq!(
            catalogue.routable().map(|entry| entry.model.slug.as_str()).collect::<Vec<_>>(),
            ["mistral-large-3"]
        );
        assert_eq!(
            catalogue.m_allowed_set_json(),
            r#"["claude-opus-4-7","gpt-5-5","mistral-large-3"]"#
        );
    }

    #[test]
    fn an_empty_catalogue_is_a_catalogue() {
        let catalogue = Catalogue::new(Vec::new()).unwrap();
        assert_eq!(
            (catalogue.find("x"), catalogue.routable().count(), catalogue.m_allowed_set_json()),
            (None, 0, "[]")
        );
    }
}
