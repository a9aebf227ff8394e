//! Where the output goes: whether a person watches, and what may be drawn for them.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

/// Standard output and error of this process.
#[derive(Debug, Clone)]
pub struct Terminal {
    /// Stdout is a terminal.
    pub data: bool,
    /// Stderr is a terminal.
    pub talk: bool,
    /// Escape sequences are welcome on stderr.
    pub colour: bool,
    /// Escape sequences are welcome on stdout.
    pub data_colour: bool,
    /// Remarks go to stdout, too.
    one_voice: bool,
    bars: MultiProgress,
}

impl Terminal {
    /// Looks at the process.
    pub fn of_process() -> Self {
        let (data, talk) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let plain = wants_plain(std::env::var_os("NO_COLOR"), std::env::var_os("TERM"));
        // Hidden off a terminal: a bar in a log file is noise.
        let target = if talk { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Terminal {
            data,
            talk,
            colour: talk && !plain,
            data_colour: data && !plain,
            one_voice: false,
            bars: MultiProgress::with_draw_target(target),
        }
    }

    /// No terminal at all, as when a program reads the output.
    #[cfg(test)]
    pub fn of_nobody() -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Terminal { data: false, talk: false, colour: false, data_colour: false, one_voice: false, bars }
    }

    /// The same with data and remarks as one text on stdout, and no progress bars between its lines.
    pub fn one_voice(&self) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Terminal { talk: true, colour: self.data_colour, one_voice: true, bars, ..self.clone() }
    }

    /// Writes a remark to stderr; a terminal that is gone does not matter.
    pub fn say(&self, text: &str) {
        self.bars.suspend(|| {
            let _ = match self.one_voice {
                true => io::stdout().write_all(text.as_bytes()),
                false => io::stderr().write_all(text.as_bytes()),
            };
        });
    }

    /// A progress bar on stderr, drawn only when someone watches. `total` 0: how much there is, is not known.
    pub fn progress(&self, total: u64, unit: &str) -> ProgressBar {
        let (bar, template) = if total == 0 {
            (ProgressBar::no_length(), format!("{{spinner}} {{pos}} {unit}  {{elapsed}}  {{wide_msg}}"))
        } else {
            let template = format!("{{bar:24}} {{pos}}/{{len}} {unit}  {{elapsed}}  {{wide_msg}}");
            (ProgressBar::new(total), template)
        };
        let bar = self.bars.add(bar);
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// Stderr for log lines: a bar makes room while a line is written.
    pub fn log_writer(&self) -> LogWriter {
        LogWriter { bars: self.bars.clone() }
    }
}

fn wants_plain(no_color: Option<OsString>, term: Option<OsString>) -> bool {
    no_color.is_some_and(|value| !value.is_empty()) || term.is_some_and(|term| term == "dumb")
}

/// See [`Terminal::log_writer`].
#[derive(Debug, Clone)]
pub struct LogWriter {
    bars: MultiProgress,
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'w> MakeWriter<'w> for LogWriter {
    type Writer = LogWriter;

    fn make_writer(&'w self) -> LogWriter {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_declined_by_no_color_and_dumb_terminals() {
        let text = |text: &str| Some(OsString::from(text));
        assert!(wants_plain(text("1"), None));
        assert!(wants_plain(None, text("dumb")));
        assert!(!wants_plain(text(""), text("xterm")));
    }
}
