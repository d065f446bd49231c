//! The process environment. Nothing else in the program looks at it.

/// Looks a variable up. Tests bring their own.
pub type Environment<'e> = dyn Fn(&str) -> Option<String> + 'e;

/// The variable as this process has it; one that is not Unicode counts as not set.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place where the environment is read"
)]
pub fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What this machine calls itself, in a container the container's name.
pub fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

/// A variable that is set to something.
pub fn non_empty(environment: &Environment<'_>, name: &str) -> Option<String> {
    environment(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
