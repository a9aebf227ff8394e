//! The order in which the loads of one table come to their commits.
//!
//! The next load of a table may be prepared while the one before it is written, and the one before may settle while the
//! next is written. Between them stands a turn: who looks for duplicates, writes and commits is alone. Replays that this
//! process begins by itself take turns, too.

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::fault::Fault;

/// The loads in work, by table.
#[derive(Debug, Default)]
pub struct Turns {
    tables: HashMap<String, Line>,
}

#[derive(Debug)]
struct Line {
    loads: usize,
    last: oneshot::Receiver<()>,
}

/// One load's place behind the load before it.
#[derive(Debug)]
pub struct Turn {
    before: Option<oneshot::Receiver<()>>,
    done: Option<oneshot::Sender<()>>,
}

impl Turns {
    /// A turn behind the loads of this table that are in work.
    pub fn take(&mut self, table: &str) -> Turn {
        let (done, last) = oneshot::channel();
        let loads = self.loads_of(table) + 1;
        let before = self.tables.insert(table.to_owned(), Line { loads, last });
        Turn { before: before.map(|line| line.last), done: Some(done) }
    }

    /// A load of this table has ended.
    pub fn ended(&mut self, table: &str) {
        if let Some(line) = self.tables.get_mut(table) {
            line.loads -= 1;
            if line.loads == 0 {
                self.tables.remove(table);
            }
        }
    }

    /// How many loads of a table are in work.
    pub fn loads_of(&self, table: &str) -> usize {
        self.tables.get(table).map_or(0, |line| line.loads)
    }

    /// The tables that have loads in work.
    pub fn tables(&self) -> impl ExactSizeIterator<Item = &String> {
        self.tables.keys()
    }

    pub fn clear(&mut self) {
        self.tables.clear();
    }
}

impl Turn {
    /// Waits until the load before has committed.
    ///
    /// # Errors
    /// It did not: its files come first, so this load is given up, too.
    pub async fn wait(&mut self) -> Result<(), Fault> {
        match self.before.take() {
            Some(before) => before.await.map_err(|_| Fault::Overtaken),
            None => Ok(()),
        }
    }

    /// The load has committed, or has nothing to commit: the next one may go on. A turn that is dropped without this
    /// belongs to a load that failed.
    pub fn pass_on(&mut self) {
        if let Some(done) = self.done.take() {
            // There may be no next load.
            let _ = done.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_load_waits_for_the_one_before_it() {
        let mut turns = Turns::default();
        let (mut first, mut second) = (turns.take("orders"), turns.take("orders"));
        let mut other = turns.take("events");
        first.wait().await.expect("nobody is before it");
        other.wait().await.expect("tables do not wait for each other");
        let waiting = tokio::spawn(async move { second.wait().await.map(|()| second) });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        first.pass_on();
        let mut second = waiting.await.expect("no panic").expect("its turn");
        turns.ended("orders");
        second.pass_on();
        turns.ended("orders");
        assert_eq!(turns.loads_of("orders"), 0);
    }

    #[tokio::test]
    async fn a_load_behind_a_failed_one_is_given_up() {
        let mut turns = Turns::default();
        let (first, mut second, mut third) =
            (turns.take("orders"), turns.take("orders"), turns.take("orders"));
        drop(first);
        assert!(matches!(second.wait().await, Err(Fault::Overtaken)));
        drop(second);
        assert!(matches!(third.wait().await, Err(Fault::Overtaken)));
    }
}
