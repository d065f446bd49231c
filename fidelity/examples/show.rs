//! `show CLIENT VENDOR FILE`: what a client gets of a recorded body.
use ainfera_fidelity::{caller, provider::Upstream, replay, run};
use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [client, vendor, file] = arguments.as_slice() else {
        return Err("usage: show CLIENT VENDOR FILE".into());
    };
    let dialect = caller::DIALECTS
        .into_iter()
        .find(|dialect| caller::name(*dialect) == client)
        .ok_or("client")?;
    let (_, kind) = run::VENDORS.into_iter().find(|(name, _)| name == vendor).ok_or("vendor")?;
    let body = std::fs::read(file)?;
    let (call, upstream) = (caller::call(dialect)?, Upstream::of(kind));
    let passed =
        replay::pass(&call, &upstream, &upstream.request(&call)?, &body, replay::Reads::One);
    writeln!(
        std::io::stdout(),
        "{}\n{:?}\n{}",
        String::from_utf8_lossy(&passed.bytes),
        passed.fault,
        passed.whole
    )?;
    Ok(())
}
