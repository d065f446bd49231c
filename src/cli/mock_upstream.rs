//! `ainfera mock-upstream`: the scripted provider alone.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// Orders for every answer; a prompt's own directives go before them.
#[derive(Debug, Args)]
pub struct MockUpstreamArgs {
    /// Address and port; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", conflicts_with = "port")]
    pub listen: Option<SocketAddr>,
    /// A port on 127.0.0.1.
    #[arg(long)]
    pub port: Option<u16>,
    /// Text frames of an answer. Left out: a short answer that fits the prompt.
    #[arg(long, value_name = "COUNT")]
    pub tokens: Option<usize>,
    /// Wait between two frames.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub delay_ms: u64,
    /// Wait before the first frame.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub first_ms: u64,
    /// Parallel tool calls when tools are offered. Left out: one.
    #[arg(long, value_name = "COUNT")]
    pub tools: Option<usize>,
    /// Bytes of padding in each frame.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub pad: usize,
    /// Let each text frame say when it was written.
    #[arg(long)]
    pub markers: bool,
    /// Speak TLS with this certificate; a PEM file, the intermediate ones after it.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of the certificate; a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}
