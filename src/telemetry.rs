//! What the program says while it works: tracing to stderr, as text or as JSON lines.
//!
//! Knows levels and formats, not what is logged. Field values come from outside (file names above all) and are
//! escaped here, once, for everyone.

use std::fmt::{self, Write};
use std::panic::PanicHookInfo;

use thiserror::Error;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{self, Writer};
use tracing_subscriber::util::SubscriberInitExt;

use crate::printable::{Escaping, panic_text};
use crate::settings::{Level, LogFormat};

/// Libraries that explain themselves at length; `RUST_LOG` can still ask them to.
const TALKATIVE: [&str; 16] = [
    "sqlx",
    "sea_orm",
    "sea_orm_migration",
    "datafusion",
    "datafusion_optimizer",
    "sqlparser",
    "object_store",
    "tokio_cron_scheduler",
    "notify",
    "rustyline",
    "reqwest",
    "hyper",
    "hyper_util",
    "h2",
    "rustls",
    "lettre",
];

/// How to log.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub level: Level,
    pub format: LogFormat,
    pub colour: bool,
    /// The value of `RUST_LOG`: directives that refine the level by module.
    pub directives: Option<String>,
}

#[derive(Debug, Error)]
pub enum TelemetryError {
    #[error("RUST_LOG is not understood")]
    Directives(#[source] tracing_subscriber::filter::ParseError),
    #[error("logging is already set up")]
    Taken(#[source] tracing_subscriber::util::TryInitError),
}

/// Sends events of this process to `writer` (stderr, or something that shares the terminal with a progress bar),
/// panics included.
///
/// # Errors
/// `RUST_LOG` cannot be read, or a subscriber is already installed.
pub fn start<W>(options: &Options, writer: W) -> Result<(), TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    subscriber(options, writer)?.try_init().map_err(TelemetryError::Taken)?;
    let default_hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        log_panic(panic);
        // Whoever asked for a backtrace gets one, with its line breaks.
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
            default_hook(panic);
        }
    }));
    Ok(())
}

type Subscriber = Box<dyn tracing::Subscriber + Send + Sync>;

fn subscriber<W>(options: &Options, writer: W) -> Result<Subscriber, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(options)?)
        .with_writer(writer)
        .with_ansi(options.colour && options.format == LogFormat::Text);
    Ok(match options.format {
        LogFormat::Text => {
            Box::new(builder.fmt_fields(format::debug_fn(write_field).delimited(" ")).compact().finish())
        }
        LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
    })
}

fn filter(options: &Options) -> Result<EnvFilter, TelemetryError> {
    let mut directives = options.level.as_str().to_owned();
    let noise = options.level.min(Level::Warn);
    for library in TALKATIVE {
        let _ = write!(directives, ",{library}={}", noise.as_str());
    }
    // Last, because a later directive for the same target replaces an earlier one.
    if let Some(refined) = options.directives.as_deref().filter(|text| !text.trim().is_empty()) {
        let _ = write!(directives, ",{refined}");
    }
    EnvFilter::builder().parse(directives).map_err(TelemetryError::Directives)
}

fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let mut escaping = Escaping(writer);
    match field.name() {
        "message" => write!(escaping, "{value:?}"),
        name => write!(escaping, "{name}={value:?}"),
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let reason = panic_text(panic.payload()).unwrap_or("no reason given");
    tracing::error!(
        place,
        reason,
        "a part of the program stopped by a fault of its own (panic); please report it"
    );
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(options: &Options, act: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = subscriber(options, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, act);
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_file_name_cannot_forge_a_line() {
        let name = "a\n2026-01-01 ERROR \u{1b}[31mfake.json";
        let text = logged(&Options::default(), || {
            tracing::info!(file = %name, also = name, "seen {name}");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.contains(r"file=a\n2026-01-01 ERROR \u{1b}[31mfake.json"), "{text}");
    }

    #[test]
    fn json_lines_are_json() {
        let options = Options { format: LogFormat::Json, ..Options::default() };
        let text = logged(&options, || tracing::warn!(file = "a\nb", rows = 3, "loaded"));
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(line["message"], "loaded");
        assert_eq!(line["file"], "a\nb");
        assert_eq!(line["level"], "WARN");
    }

    #[test]
    fn talkative_libraries_are_kept_at_warnings_unless_asked() {
        let speak = || tracing::info!(target: "sqlx::query", "select 1");
        let debug = Options { level: Level::Debug, ..Options::default() };
        assert_eq!(logged(&debug, speak), "");
        let asked = Options { directives: Some("sqlx=info".into()), ..Options::default() };
        assert!(logged(&asked, speak).contains("select 1"));
    }
}
