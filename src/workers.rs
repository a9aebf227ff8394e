//! Threads for work that keeps a core busy: decoding and encoding, of all loads and jobs together.
//!
//! One pool for the process, as wide as the machine, so that parallel loads share the cores instead of fighting for
//! them. Work never waits for other work; only who submitted it waits. So the pool cannot lock up.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

/// A pool of threads. They end when it is dropped, after the work that was submitted.
pub struct Workers {
    queue: Arc<Queue>,
    threads: usize,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// The result of a piece of work, when it is there.
#[derive(Debug)]
pub struct Ticket<T> {
    result: mpsc::Receiver<thread::Result<T>>,
}

impl Workers {
    /// A pool of so many threads; 0: as many as the machine has cores.
    pub fn new(threads: usize) -> Arc<Workers> {
        let threads = match threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let queue = Arc::new(Queue::default());
        for number in 0..threads {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || queue.work())
                .expect("the system starts a thread when the process starts");
        }
        Arc::new(Workers { queue, threads })
    }

    /// How many pieces of work run at the same time.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Queues a piece of work, first come, first served.
    pub fn submit<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Ticket<T> {
        let (sender, result) = mpsc::sync_channel(1);
        let job = move || {
            // Nobody waits for a result that was given up.
            let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
        };
        self.queue.lock().jobs.push_back(Box::new(job));
        self.queue.changed.notify_one();
        Ticket { result }
    }
}

impl<T> Ticket<T> {
    /// Waits for the work to end.
    ///
    /// # Panics
    /// When the work did, with its message.
    pub fn wait(self) -> T {
        let result = self.result.recv().expect("a worker answers each piece of work");
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A job cannot panic while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job();
                state = self.lock();
            } else if state.closed {
                return;
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.changed.notify_all();
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("threads", &self.threads).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_back_to_who_asked() {
        let workers = Workers::new(3);
        let tickets: Vec<_> = (0..100).map(|n| workers.submit(move || n * n)).collect();
        let squares: Vec<i32> = tickets.into_iter().map(Ticket::wait).collect();
        assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<_>>());
    }

    #[test]
    fn a_panic_reaches_who_waits_and_costs_no_thread() {
        let workers = Workers::new(1);
        let broken = workers.submit(|| panic!("a fault"));
        let caught = catch_unwind(AssertUnwindSafe(|| broken.wait())).expect_err("the panic is passed on");
        assert_eq!(caught.downcast_ref::<&str>(), Some(&"a fault"));
        assert_eq!(workers.submit(|| 1).wait(), 1);
    }

    #[test]
    fn work_that_was_submitted_is_done_before_the_pool_ends() {
        let (sender, receiver) = mpsc::channel();
        let workers = Workers::new(1);
        for n in 0..10 {
            let sender = sender.clone();
            drop(workers.submit(move || sender.send(n)));
        }
        drop((workers, sender));
        assert_eq!(receiver.iter().count(), 10);
    }
}
