//! `lakegate run`: the daemon, until someone asks it to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::{Exit, Failure};
use super::session::Session;
use crate::alerts::Channels;
use crate::app::App;

pub async fn run(session: Session) -> Result<Exit, Failure> {
    for remark in session.settings.remarks() {
        tracing::warn!("{remark}");
    }
    let channels = Channels::open(&session.settings)?;
    let shutdown = stop_on_signals()?;
    let app = App::open(session.settings).await?;
    app.run(channels, shutdown).await?;
    Ok(Exit::Done)
}

/// SIGTERM and Ctrl-C ask for an orderly end; the same signal again ends at once.
fn stop_on_signals() -> Result<CancellationToken, Failure> {
    let failed =
        |cause: std::io::Error| Failure::because(Exit::Unavailable, "cannot listen for signals", &cause);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        for asked in 1.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if asked > 1 {
                tracing::warn!(
                    "asked to stop again: ending at once; what was begun is taken up at the next start"
                );
                std::process::exit(130);
            }
            tracing::info!("asked to stop: finishing what is begun");
            stop.cancel();
        }
    });
    Ok(token)
}
