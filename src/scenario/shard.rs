//! Shares of a run, for schedulers that start many processes: by a stable hash of the case's name.

use super::outcome::Share;
use crate::digest::fnv1a;
use std::collections::BTreeMap;

/// Reads `3/16`.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Share, String> {
    let wrong = || format!("'{text}' is no share: write it as 3/16, the first is 1/16");
    let (index, of) = text.split_once('/').ok_or_else(wrong)?;
    let (index, of) = (index.parse().map_err(|_| wrong())?, of.parse().map_err(|_| wrong())?);
    check(Share { index, of })
}

fn check(share: Share) -> Result<Share, String> {
    if share.index == 0 || share.index > share.of || share.of > 100_000 {
        return Err(format!("share {} of {} cannot be: the first is 1/{}", share.index, share.of, share.of));
    }
    Ok(share)
}

/// The share that the environment of a parallel job names, and where it stands. `None` outside of such a job.
///
/// # Errors
/// An environment that contradicts itself.
pub fn from_environment(environment: &BTreeMap<String, String>) -> Result<Option<(Share, String)>, String> {
    let number = |name: &str| -> Result<Option<u32>, String> {
        match environment.get(name).filter(|v| !v.is_empty()) {
            None => Ok(None),
            Some(text) => text.trim().parse().map(Some).map_err(|_| format!("{name}={text} is not a number")),
        }
    };
    // GitHub has no names of its own: a workflow sets these from `strategy.job-index` and `strategy.job-total`.
    let pairs = [
        ("DRYFLASH_SHARD_INDEX", "DRYFLASH_SHARD_TOTAL", 0),
        // GitLab counts from 1.
        ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
    ];
    for (index, total, first) in pairs {
        let (i, of) = (number(index)?, number(total)?);
        half(index, total, i, of)?;
        if let (Some(i), Some(of)) = (i, of) {
            let share = Share { index: i.saturating_add(1 - first), of };
            return check(share).map(|s| Some((s, format!("{index}, {total}")))).map_err(|e| format!("{index}: {e}"));
        }
    }
    // An indexed job of Kubernetes knows its index, and has to be told how many there are.
    let (i, of) = (number("JOB_COMPLETION_INDEX")?, number("JOB_COMPLETIONS")?);
    half("JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", i, of)?;
    if let (Some(i), Some(of)) = (i, of) {
        let share = Share { index: i.saturating_add(1), of };
        return check(share).map(|s| Some((s, "JOB_COMPLETION_INDEX, JOB_COMPLETIONS".to_owned())));
    }
    let (i, of) = (number("SLURM_ARRAY_TASK_ID")?, number("SLURM_ARRAY_TASK_COUNT")?);
    half("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", i, of)?;
    if let (Some(i), Some(of)) = (i, of) {
        let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let last = number("SLURM_ARRAY_TASK_MAX")?.unwrap_or(first.saturating_add(of.saturating_sub(1)));
        if last < first || last - first + 1 != of {
            return Err(format!(
                "the array's task ids {first} to {last} have gaps: --shard INDEX/{of} has to say which it is"
            ));
        }
        let share = Share { index: i.saturating_sub(first).saturating_add(1), of };
        return check(share).map(|s| Some((s, "SLURM_ARRAY_TASK_ID".to_owned())));
    }
    Ok(None)
}

/// A job that knows which it is and not of how many would run everything, in each of its processes.
fn half(index: &str, total: &str, i: Option<u32>, of: Option<u32>) -> Result<(), String> {
    match (i, of) {
        (Some(i), None) => Err(format!(
            "{index}={i} names a share, and {total} does not say of how many: set {total}, or give --no-shard to run all"
        )),
        _ => Ok(()),
    }
}

/// Whether a case belongs to the share.
pub fn holds(share: Share, id: &str) -> bool {
    // The low bits of FNV-1a hang on little of a short text: all of it is folded in.
    let hash = fnv1a(id.as_bytes());
    let folded = (hash ^ hash >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    folded % u64::from(share.of.max(1)) == u64::from(share.index - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Result<Option<(u32, u32)>, String> {
        let map = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        from_environment(&map).map(|s| s.map(|(s, _)| (s.index, s.of)))
    }

    #[test]
    fn every_case_is_in_one_share_and_they_are_alike() {
        let ids: Vec<String> = (0..1000).map(|n| format!("update/F051/{n}")).collect();
        for of in [1, 2, 4, 16] {
            let counts: Vec<usize> =
                (1..=of).map(|index| ids.iter().filter(|id| holds(Share { index, of }, id)).count()).collect();
            assert_eq!(counts.iter().sum::<usize>(), 1000);
            let mean = 1000 / of as usize;
            assert!(counts.iter().all(|n| n.abs_diff(mean) <= mean / 2), "{counts:?}");
        }
        // A share must hold the same cases tomorrow.
        assert!(holds(Share { index: 1, of: 4 }, "app_alone") != holds(Share { index: 2, of: 4 }, "app_alone"));
    }

    #[test]
    fn shares_as_text() {
        assert_eq!(parse("3/16"), Ok(Share { index: 3, of: 16 }));
        for text in ["0/4", "5/4", "3", "a/b", "1/0", "-1/4"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn environments() {
        assert_eq!(environment(&[]), Ok(None));
        assert_eq!(environment(&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "4")]), Ok(Some((1, 4))));
        assert_eq!(environment(&[("DRYFLASH_SHARD_INDEX", "0"), ("DRYFLASH_SHARD_TOTAL", "4")]), Ok(Some((1, 4))));
        assert_eq!(environment(&[("JOB_COMPLETION_INDEX", "3"), ("JOB_COMPLETIONS", "4")]), Ok(Some((4, 4))));
        let alone = environment(&[("JOB_COMPLETION_INDEX", "3")]).unwrap_err();
        assert!(alone.contains("JOB_COMPLETIONS does not say of how many"), "{alone}");
        assert_eq!(environment(&[("CI_NODE_TOTAL", "1")]), Ok(None), "a job of GitLab that is not parallel");
        let slurm = |id, count, min, max| {
            let all = [("SLURM_ARRAY_TASK_ID", id), ("SLURM_ARRAY_TASK_COUNT", count)];
            environment(&[all.as_slice(), &[("SLURM_ARRAY_TASK_MIN", min), ("SLURM_ARRAY_TASK_MAX", max)]].concat())
        };
        assert_eq!(slurm("5", "4", "2", "5"), Ok(Some((4, 4))));
        assert!(slurm("5", "2", "1", "5").is_err(), "a gap");
        assert!(environment(&[("CI_NODE_INDEX", "5"), ("CI_NODE_TOTAL", "4")]).is_err());
        assert!(environment(&[("CI_NODE_INDEX", "x"), ("CI_NODE_TOTAL", "4")]).is_err());
    }
}
