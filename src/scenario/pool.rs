//! Many cases on many cores: each worker keeps its own chips, and the order of the results is that of the cases.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// How to go through the cases.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Workers; at least one.
    pub jobs: usize,
    /// Nothing behind the first failure.
    pub fail_fast: bool,
}

/// What became of one item.
#[derive(Debug, PartialEq, Eq)]
pub enum Done<R> {
    /// Its result.
    Ran(R),
    /// It panicked, with this message.
    Panicked(String),
    /// Left out, because one before it failed.
    NotRun,
}

/// Runs `work` for each item. A worker's state is made by `worker`, and thrown away where an item panicked. `failed`
/// says which results end a run with `fail_fast`; `progress` hears how many are done, of which how many failed.
///
/// With `fail_fast` the results up to the first failure are there, whatever the number of workers, and none behind it.
pub fn run<T, R, W>(
    items: &[T],
    plan: Plan,
    worker: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, &T) -> R + Sync,
    failed: impl Fn(&R) -> bool + Sync,
    mut progress: impl FnMut(usize, usize),
) -> Vec<Done<R>>
where
    T: Sync,
    R: Send,
{
    let next = AtomicUsize::new(0);
    // The first item that failed: none behind it is begun.
    let stop = AtomicUsize::new(usize::MAX);
    let jobs = plan.jobs.clamp(1, items.len().max(1));
    let mut results: Vec<Done<R>> = items.iter().map(|_| Done::NotRun).collect();
    thread::scope(|scope| {
        let (send, receive) = mpsc::channel::<(usize, Done<R>, bool)>();
        for _ in 0..jobs {
            let (send, next, stop) = (send.clone(), &next, &stop);
            let (worker, work, failed) = (&worker, &work, &failed);
            scope.spawn(move || {
                let mut state = worker();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index).filter(|_| index <= stop.load(Ordering::Acquire)) else { break };
                    let result = match catch_unwind(AssertUnwindSafe(|| work(&mut state, item))) {
                        Ok(result) => Done::Ran(result),
                        Err(panic) => {
                            // A chip may have stopped half-way.
                            state = worker();
                            Done::Panicked(message(&*panic))
                        }
                    };
                    let bad = match &result {
                        Done::Ran(result) => failed(result),
                        _ => true,
                    };
                    if bad && plan.fail_fast {
                        stop.fetch_min(index, Ordering::AcqRel);
                    }
                    if send.send((index, result, bad)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let (mut done, mut bad) = (0, 0);
        for (index, result, is_bad) in receive {
            done += 1;
            bad += usize::from(is_bad);
            results[index] = result;
            progress(done, bad);
        }
    });
    let first = stop.load(Ordering::Acquire);
    for result in results.iter_mut().skip(first.saturating_add(1)) {
        *result = Done::NotRun;
    }
    results
}

fn message(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "a panic without a message".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(jobs: usize, fail_fast: bool, bad: &[usize]) -> Vec<Done<usize>> {
        let items: Vec<usize> = (0..200).collect();
        let plan = Plan { jobs, fail_fast };
        let work = |made: &mut usize, n: &usize| {
            *made += 1;
            assert!(*n != 150 || fail_fast, "the item {n}");
            n * 2
        };
        run(&items, plan, || 0, work, |n| bad.contains(&(n / 2)), |_, _| {})
    }

    #[test]
    fn the_order_is_that_of_the_items_and_a_panic_is_one_item_s() {
        for jobs in [1, 2, 8, 500] {
            let all = numbers(jobs, false, &[]);
            assert_eq!(all.len(), 200);
            for (n, done) in all.iter().enumerate() {
                match done {
                    Done::Panicked(text) => assert_eq!((n, text.as_str()), (150, "the item 150")),
                    other => assert_eq!(*other, Done::Ran(n * 2)),
                }
            }
        }
    }

    #[test]
    fn fail_fast_ends_at_the_same_item_with_any_number_of_workers() {
        for jobs in [1, 2, 8] {
            let all = numbers(jobs, true, &[20, 23, 90]);
            assert!(all[..=20].iter().enumerate().all(|(n, d)| *d == Done::Ran(n * 2)), "{jobs}");
            assert!(all[21..].iter().all(|d| *d == Done::NotRun), "{jobs}");
        }
    }

    #[test]
    fn nothing_to_do() {
        let none: Vec<Done<()>> =
            run(&[], Plan { jobs: 4, fail_fast: false }, || (), |(), _: &()| (), |()| false, |_, _| {});
        assert!(none.is_empty());
    }
}
