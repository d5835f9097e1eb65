//! The table in docker-credential-ecrx-kubernetes(7).

use std::fmt::Write as _;
use std::path::Path;

use super::{LOW_QUOTA, Measures, NODES, Patiences, QUOTA, Quota, Rollout, SECOND, Wave, simulate};

const BEGIN: &str = "<!-- simulated rollout -->";
const END: &str = "<!-- end of simulated rollout -->";

const ROWS: [(&str, Quota, Measures); 9] = [
    ("all measures", QUOTA, Measures::ALL),
    (
        "without the spread of renewals",
        QUOTA,
        Measures {
            spread: false,
            ..Measures::ALL
        },
    ),
    (
        "3 attempts instead of 6",
        QUOTA,
        Measures {
            long_retry: false,
            ..Measures::ALL
        },
    ),
    (
        "without `cacheKeyType: Registry`",
        QUOTA,
        Measures {
            per_registry: false,
            ..Measures::ALL
        },
    ),
    (
        "without `cache_dir`",
        QUOTA,
        Measures {
            cache: false,
            ..Measures::ALL
        },
    ),
    ("no measure", QUOTA, Measures::NONE),
    (
        "all measures, 20 requests per second",
        LOW_QUOTA,
        Measures::ALL,
    ),
    (
        "all measures, with a role",
        QUOTA,
        Measures {
            role: true,
            ..Measures::ALL
        },
    ),
    (
        "without `cache_dir`, with a role",
        QUOTA,
        Measures {
            cache: false,
            role: true,
            ..Measures::ALL
        },
    ),
];

/// `1,234,567`.
fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}

/// The throttled calls, rounded up.
fn share(wave: &Wave) -> String {
    let permille = (wave.throttled * 1000).div_ceil(wave.calls.max(1));
    format!("{}.{} %", permille / 10, permille % 10)
}

/// Three cells.
fn calls(wave: &Wave) -> String {
    let (calls, peak) = (grouped(wave.calls), grouped(wave.peak));
    format!("{calls} | {peak} | {}", share(wave))
}

fn table(rollouts: &[Rollout]) -> String {
    let mut text = "| measures | calls | most per second | throttled | failed answers | last image ready | nodes waiting after 50 s | calls in the second wave | most per second | throttled |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for ((name, ..), rollout) in ROWS.iter().zip(rollouts) {
        let (first, second) = (&rollout.first, &rollout.second);
        let complete = rollout.complete_at.map_or_else(
            || "never".to_owned(),
            |at| format!("{} s", grouped(at.div_ceil(SECOND).into())),
        );
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {complete} | {} | {} |",
            calls(first),
            grouped(rollout.failed),
            grouped(rollout.waiting as u64),
            calls(second),
        );
    }
    text.push_str(
        "\nThe calls of STS in the rows with a role:\n\n\
         | measures | calls | most per second | throttled | calls in the second wave | most per second | throttled |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
    );
    for ((name, _, measures), rollout) in ROWS.iter().zip(rollouts) {
        if measures.role {
            let (first, second) = (calls(&rollout.first_sts), calls(&rollout.second_sts));
            let _ = writeln!(text, "| {name} | {first} | {second} |");
        }
    }
    text
}

fn rollouts(nodes: usize) -> Vec<Rollout> {
    let patiences = &Patiences::new();
    std::thread::scope(|scope| {
        let runs = ROWS.map(|(_, quota, measures)| {
            scope.spawn(move || simulate(measures, quota, nodes, patiences))
        });
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

#[test]
fn each_measure_makes_a_rollout_better() {
    let rollouts = rollouts(NODES / 10);
    let [
        all,
        no_spread,
        few_attempts,
        per_image,
        no_cache,
        none,
        low_quota,
        with_role,
        no_cache_with_role,
    ] = &rollouts[..]
    else {
        panic!("{rollouts:?}");
    };
    assert_eq!(all.second.throttled, 0, "{all:?}");
    assert!(no_spread.second.throttled > 0, "{no_spread:?}");
    assert!(few_attempts.failed > 10 * all.failed, "{few_attempts:?}");
    // With a cache of the node, a pull of another image makes no call.
    assert!(per_image.first.calls < 2 * all.first.calls, "{per_image:?}");
    for without_cache in [no_cache, none] {
        assert!(without_cache.first.calls > 5 * all.first.calls);
        assert!(without_cache.waiting > 10 * all.waiting);
        assert!(without_cache.complete_at > all.complete_at);
    }
    assert!(low_quota.complete_at.is_some(), "{low_quota:?}");
    assert_eq!(all.first_sts.calls, 0);
    // A role is assumed again by each process, so that the cache saves calls of STS as well.
    assert_eq!(with_role.second_sts.throttled, 0, "{with_role:?}");
    assert!(with_role.complete_at.is_some(), "{with_role:?}");
    assert!(no_cache_with_role.first_sts.calls > 5 * with_role.first_sts.calls);
}

#[test]
#[ignore = "takes long: .ci/run"]
fn the_table_of_the_manual_has_the_results_for_all_nodes() {
    let made = table(&rollouts(NODES));
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging/man/docker-credential-ecrx-kubernetes.7.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect(BEGIN);
    let (committed, after) = rest.split_once(END).expect(END);
    if std::env::var_os("ECRX_BLESS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}\n\n{made}\n{END}{after}")).unwrap();
    } else {
        assert_eq!(
            committed.trim(),
            made.trim(),
            "run `ECRX_BLESS=1 cargo test --lib rollout -- --ignored`, and look at the difference"
        );
    }
}
