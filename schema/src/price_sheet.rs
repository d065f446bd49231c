//! Every line that a call can cost. The sheet computes both what is reserved before a call and what
//! is billed after it, so that no bill of an honest provider is above its reservation.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::{
    MoneyError, Price, RequestedService, Served, ServerTool, ServiceTier, TokenUsage, ToolUses, Usd,
};

/// A bill has at most six token lines, each rounded to a nano-dollar by itself; a reservation has
/// two. They drift apart by half a nano-dollar each.
const ROUNDING_ALLOWANCE: Usd = Usd::from_nanos(4);

/// A price with no more decimal places than this comes to whole nano-dollars per token, so that
/// nothing is rounded.
const DECIMAL_PLACES_WITHOUT_ROUNDING: u32 = 3;

const MINUTES_PER_DAY: u16 = 24 * 60;

/// What one model costs at its provider.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceSheet {
    /// Prices of a short prompt.
    pub base: Price,
    /// Prices of longer prompts, shortest first. The whole call moves to the tier.
    pub tiers: Vec<PriceTier>,
    pub multipliers: Multipliers,
    /// Hours with a price of their own. The first that covers the minute counts.
    pub hours: Vec<Hours>,
    /// US dollars for one use.
    pub per_use: BTreeMap<ServerTool, Decimal>,
}

/// Prices of a prompt above so many tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PriceTier {
    pub above_input_tokens: u64,
    pub price: Price,
}

/// By what every token price is multiplied. `None`: the price is not known, and a call that asks
/// for it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Multipliers {
    pub batch: Option<Decimal>,
    pub flex: Option<Decimal>,
    pub priority: Option<Decimal>,
    pub fast: Option<Decimal>,
    pub us_only: Option<Decimal>,
}

/// From one minute of the UTC day to another, which may lie past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    pub from_minute: u16,
    pub until_minute: u16,
    pub multiplier: Decimal,
}

/// The most that a call can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Of which any may be fresh, from the cache or into it.
    pub input_tokens: u64,
    /// Of any class.
    pub output_tokens: u64,
    /// What is written into the cache may be kept for an hour.
    pub caches_for_an_hour: bool,
    pub tool_uses: ToolUses,
    pub service: RequestedService,
}

/// What a call cost, and the prices that it was billed at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bill {
    /// The token prices that applied, multiplied.
    pub price: Price,
    pub fees: Usd,
    pub total: Usd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    #[error("the price of {} is not known", .0.as_str())]
    UnknownFee(ServerTool),
    #[error("the price of service tier {0:?} is not known")]
    UnknownTier(ServiceTier),
    #[error("the price of speed `fast` is not known")]
    UnknownFastMode,
    #[error("the price of inference_geo `us` is not known")]
    UnknownGeo,
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl From<Price> for PriceSheet {
    /// Nothing but tokens, at any hour.
    fn from(base: Price) -> Self {
        Self {
            base,
            tiers: Vec::new(),
            multipliers: Multipliers::default(),
            hours: Vec::new(),
            per_use: BTreeMap::new(),
        }
    }
}

impl PriceSheet {
    /// What `usage` costs when the call was served at `at`. What the answer left out of `served` is
    /// standard.
    pub fn bill(&self, usage: &TokenUsage, at: Timestamp) -> Result<Bill, PriceError> {
        let factor = self
            .served_multiplier(usage.served)?
            .checked_mul(self.hour_multiplier(at))
            .ok_or(MoneyError::Overflow)?;
        let price = self.price_of(usage.prompt_tokens()).times(factor)?;
        let fees = self.fees(&usage.tool_uses)?;
        Ok(Bill { price, fees, total: price.cost(usage)?.checked_add(fees)? })
    }

    /// Enough for any bill within the bounds, served in any way that may be, at any hour.
    pub fn reservation(&self, bounds: &Bounds) -> Result<Usd, PriceError> {
        let factor = self.dearest_multiplier(&bounds.service)?;
        let mut dearest = Usd::ZERO;
        for (price, most) in self.reachable(bounds.input_tokens) {
            dearest = dearest.max(price.times(factor)?.most(
                most,
                bounds.output_tokens,
                bounds.caches_for_an_hour,
            )?);
        }
        Ok(dearest.checked_add(self.fees(&bounds.tool_uses)?)?)
    }

    fn price_of(&self, prompt_tokens: u64) -> Price {
        let tier = self.tiers.iter().rev().find(|tier| prompt_tokens > tier.above_input_tokens);
        tier.map_or(self.base, |tier| tier.price)
    }

    /// Each price that a prompt of at most so many tokens can come to, with the longest prompt that
    /// is billed at it.
    fn reachable(&self, input_tokens: u64) -> impl Iterator<Item = (Price, u64)> + '_ {
        let first = std::iter::once((0, self.base));
        let starts =
            first.chain(self.tiers.iter().map(|tier| (tier.above_input_tokens, tier.price)));
        starts
            .enumerate()
            .filter(move |(index, (above, _))| *index == 0 || input_tokens > *above)
            .map(move |(index, (_, price))| {
                let next = self.tiers.get(index).map_or(u64::MAX, |tier| tier.above_input_tokens);
                (price, input_tokens.min(next))
            })
    }

    fn fees(&self, uses: &ToolUses) -> Result<Usd, PriceError> {
        let mut sum = Usd::ZERO;
        for tool in ServerTool::ALL.into_iter().filter(|tool| uses.of(*tool) > 0) {
            let fee = self.per_use.get(&tool).ok_or(PriceError::UnknownFee(tool))?;
            sum = sum.checked_add(Usd::for_uses(uses.of(tool), *fee)?)?;
        }
        Ok(sum)
    }

    fn served_multiplier(&self, served: Served) -> Result<Decimal, PriceError> {
        let tier = self.tier_multiplier(served.tier.unwrap_or(ServiceTier::Standard))?;
        self.with_modes(tier, served.fast == Some(true), served.us_only == Some(true))
    }

    fn tier_multiplier(&self, tier: ServiceTier) -> Result<Decimal, PriceError> {
        let known = match tier {
            ServiceTier::Standard => Some(Decimal::ONE),
            ServiceTier::Batch => self.multipliers.batch,
            ServiceTier::Flex => self.multipliers.flex,
            ServiceTier::Priority => self.multipliers.priority,
        };
        known.ok_or(PriceError::UnknownTier(tier))
    }

    fn with_modes(
        &self,
        factor: Decimal,
        fast: bool,
        us_only: bool,
    ) -> Result<Decimal, PriceError> {
        let fast = if fast {
            self.multipliers.fast.ok_or(PriceError::UnknownFastMode)?
        } else {
            Decimal::ONE
        };
        let us_only = if us_only {
            self.multipliers.us_only.ok_or(PriceError::UnknownGeo)?
        } else {
            Decimal::ONE
        };
        let factor = factor.checked_mul(fast).and_then(|factor| factor.checked_mul(us_only));
        factor.ok_or(PriceError::Money(MoneyError::Overflow))
    }

    fn dearest_multiplier(&self, asked: &RequestedService) -> Result<Decimal, PriceError> {
        // A tier that was asked for by name must have a price; one that a project's settings may
        // choose counts where it has one.
        self.served_multiplier(asked.assumed())?;
        let dearest = asked
            .tiers()
            .iter()
            .filter_map(|tier| self.tier_multiplier(*tier).ok())
            .fold(Decimal::ONE, Decimal::max);
        // A vendor may fall back to the ordinary speed or the ordinary place, each by itself, so
        // one that is cheaper counts as ordinary.
        let fast = self.with_modes(Decimal::ONE, asked.fast, false)?.max(Decimal::ONE);
        let us_only = self.with_modes(Decimal::ONE, false, asked.us_only)?.max(Decimal::ONE);
        let hours =
            self.hours.iter().map(|hours| hours.multiplier).fold(Decimal::ONE, Decimal::max);
        let modes = fast.checked_mul(us_only);
        let factor = dearest.checked_mul(hours).and_then(|factor| factor.checked_mul(modes?));
        factor.ok_or(PriceError::Money(MoneyError::Overflow))
    }

    fn hour_multiplier(&self, at: Timestamp) -> Decimal {
        let minute = at.as_second().div_euclid(60).rem_euclid(i64::from(MINUTES_PER_DAY));
        let covering = self.hours.iter().find(|hours| hours.covers(minute));
        covering.map_or(Decimal::ONE, |hours| hours.multiplier)
    }
}

impl Hours {
    fn covers(&self, minute: i64) -> bool {
        let (from, until) = (i64::from(self.from_minute), i64::from(self.until_minute));
        if from <= until {
            (from..until).contains(&minute)
        } else {
            minute >= from || minute < until
        }
    }
}

impl Price {
    /// Enough for any call of so many tokens, whichever of them are read fresh, from the cache or
    /// into it, thought or said.
    fn most(
        &self,
        input_tokens: u64,
        output_tokens: u64,
        for_an_hour: bool,
    ) -> Result<Usd, MoneyError> {
        let hour = for_an_hour.then(|| self.hour());
        let input = [self.cache_read, self.cache_write, hour]
            .into_iter()
            .flatten()
            .fold(self.input, Decimal::max);
        let output = self.reasoning.into_iter().fold(self.output, Decimal::max);
        let most = Usd::for_tokens(input_tokens, input)?
            .checked_add(Usd::for_tokens(output_tokens, output)?)?;
        if self.rounds(for_an_hour) { most.checked_add(ROUNDING_ALLOWANCE) } else { Ok(most) }
    }

    fn rounds(&self, for_an_hour: bool) -> bool {
        let hour = for_an_hour.then(|| self.hour());
        let prices = [
            Some(self.input),
            Some(self.output),
            self.cache_read,
            self.cache_write,
            hour,
            self.reasoning,
        ];
        prices
            .into_iter()
            .flatten()
            .any(|price| price.normalize().scale() > DECIMAL_PLACES_WITHOUT_ROUNDING)
    }

    fn times(&self, factor: Decimal) -> Result<Price, MoneyError> {
        if factor == Decimal::ONE {
            return Ok(*self);
        }
        let times = |rate: Decimal| {
            rate.checked_mul(factor).map(|rate| rate.normalize()).ok_or(MoneyError::Overflow)
        };
        let maybe = |rate: Option<Decimal>| rate.map(times).transpose();
        Ok(Price {
            input: times(self.input)?,
            output: times(self.output)?,
            cache_read: maybe(self.cache_read)?,
            cache_write: maybe(self.cache_write)?,
            cache_write_1h: maybe(self.cache_write_1h)?,
            reasoning: maybe(self.reasoning)?,
        })
    }
}

#[cfg(test)]
mod tests;
