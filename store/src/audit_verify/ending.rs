//! The end of a verification: what is still in doubt becomes a finding, and the findings a report.

use super::{Finding, Report, Signed, TamperClass, Verifier};

/// More of them say nothing new.
const MAX_FINDINGS: usize = 100;

impl Verifier {
    /// Judges what could not be judged before the last record, and reports.
    pub fn finish(mut self) -> Report {
        let last_number = self.log.seq;
        self.records += 1;
        self.finish_outside(last_number);
        if let Some((record, class)) = self.log.finish() {
            self.findings.push(Finding {
                class,
                record,
                agent_id: None,
                detail: "checkpoints do not follow each other",
            });
        }
        let mut unsigned_events = 0;
        let chains = self.chains.len() as u64;
        for (agent_id, mut chain) in self.chains {
            unsigned_events += (chain.track.seq - chain.signed_seq).max(0);
            let doubt = chain
                .track
                .finish()
                .map(|(record, class)| (record, class, "events do not follow each other"));
            let signed = match chain.signed {
                Signed::Met => None,
                Signed::Behind(record) => Some((
                    record,
                    TamperClass::Truncated,
                    "chain ends before a head that was signed",
                )),
                Signed::Diverged(record, _) => {
                    Some((record, TamperClass::Fork, "chain is not the one that was signed"))
                }
            };
            if let Some((record, class, detail)) = chain.finding.or(doubt).or(signed) {
                self.findings.push(Finding { class, record, agent_id: Some(agent_id), detail });
            }
        }
        self.findings.sort_by(|left, right| {
            (left.record, &left.agent_id).cmp(&(right.record, &right.agent_id))
        });
        self.findings.truncate(MAX_FINDINGS);
        Report {
            valid: self.findings.is_empty() && self.events > 0,
            events: self.events,
            checkpoints: self.checkpoints,
            chains,
            unsigned_events,
            public_key: self.trusted.into_iter().next(),
            breaks: self.breaks,
            findings: self.findings,
        }
    }

    fn finish_outside(&mut self, last_number: i64) {
        for log in std::mem::take(&mut self.outside) {
            match log.finish(last_number, self.records, &self.trusted, &self.breaks) {
                Ok(None) => {}
                Ok(Some((record, class))) => {
                    let detail = match class {
                        TamperClass::Truncated => {
                            "the file outside has checkpoints that are missing here, and no declared break names them"
                        }
                        _ => {
                            "the file outside has another checkpoint of this number, and no declared break names it"
                        }
                    };
                    self.findings.push(Finding { class, record, agent_id: None, detail });
                }
                Err(fault) => self.fault(fault),
            }
        }
    }
}
