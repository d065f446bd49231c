//! How often what happened: a simulation in which nothing goes wrong would prove nothing.

use std::ops::AddAssign;

macro_rules! totals {
    ($($name:ident),* $(,)?) => {
        #[derive(Debug, Clone, Default)]
        pub struct Totals {
            $(pub $name: u64,)*
        }

        impl AddAssign for Totals {
            fn add_assign(&mut self, more: Self) {
                $(self.$name += more.$name;)*
            }
        }

        impl Totals {
            pub fn each(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

totals! {
    admitted, refused, duplicates, doubted, rejected, turned_away, left_early, extended, settled,
    acknowledged, spooled, replayed, reaped, adjusted, quarantined, quarantine_failures,
    store_failures, in_doubt,
    poisoned, found_locked, failed_over, lost_commits, resent, met_another_server,
    killed, fenced, checkpoints,
}
