//! How much of everything.

/// One word on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Inside `cargo test`.
    Short,
    /// `make chaos`: about a quarter of an hour on two cores.
    Full,
    /// Behind the figures of docs/reliability.md; meant for a release build.
    Published,
}

impl Scale {
    /// The count for this scale.
    pub fn pick(self, short: usize, full: usize, published: usize) -> usize {
        match self {
            Scale::Short => short,
            Scale::Full => full,
            Scale::Published => published,
        }
    }
}
