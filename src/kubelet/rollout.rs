//! A rollout on many nodes against the rate limits of ECR and STS, in simulated time. What kubelet and AWS
//! do is modelled here. What the program does is its own code: the steps of a `get`, the renewal of a token,
//! the duration of an answer, the time limits, and the SDK's waits.

mod api;
mod node;
mod table;

use crate::config::Config;
use crate::env::Env;
use crate::get::Tokens;
use crate::get::simulated::Patience;

use api::Api;
use node::Nodes;

use super::LIMIT;

/// A moment, or a duration, in hundredths of a second.
type Ticks = u32;

const SECOND: Ticks = 100;
const MINUTE: Ticks = 60 * SECOND;
const HOUR: Ticks = 60 * MINUTE;

/// Both waves, and the time in which tokens that were issued in the first are renewed.
const END: Ticks = 7 * HOUR;

/// The second wave begins after this. The first renewals are after 5.4 hours.
const FIRST_WAVE: Ticks = 5 * HOUR;

/// The nodes of the manual's table.
const NODES: usize = 10_000;

/// The images that a node pulls at once. All are of one registry.
const IMAGES: usize = 40;

/// The nodes begin within this time.
const START: Ticks = 10 * SECOND;

/// A rate limit for an account and region.
#[derive(Clone, Copy)]
struct Quota {
    /// Requests per second.
    rate: u32,
    /// Requests at once, after a time without any.
    burst: u32,
}

/// The default quota of `ecr:GetAuthorizationToken` (Amazon ECR user guide, "Amazon ECR service quotas",
/// "Rate of GetAuthorizationToken requests"). The burst is assumed.
const QUOTA: Quota = Quota {
    rate: 500,
    burst: 500,
};

/// The limit in another place of that guide ("Troubleshooting Amazon ECR error messages", "HTTP 429").
const LOW_QUOTA: Quota = Quota {
    rate: 20,
    burst: 200,
};

/// The default quota of STS, for all operations together (IAM user guide, "IAM and AWS STS quotas", "AWS STS
/// request quotas"). The burst is assumed.
const STS_QUOTA: Quota = Quota {
    rate: 600,
    burst: 600,
};

impl Quota {
    /// In proportion to the number of nodes.
    fn for_nodes(self, nodes: usize) -> Self {
        let fewer = u32::try_from(NODES / nodes).unwrap();
        Self {
            rate: self.rate / fewer,
            burst: self.burst / fewer,
        }
    }
}

/// What keeps a rollout below the rate limit.
#[derive(Clone, Copy)]
struct Measures {
    /// Renewal at 45 to 50 % of a token's life, instead of 50 %.
    spread: bool,
    /// The attempts of a node, instead of those of a client.
    long_retry: bool,
    /// `cache_dir` is set.
    cache: bool,
    /// `cacheKeyType: Registry` instead of `Image`.
    per_registry: bool,
    /// Each token is requested with a role, which a call of STS assumes. Not a measure.
    role: bool,
}

impl Measures {
    const ALL: Self = Self {
        spread: true,
        long_retry: true,
        cache: true,
        per_registry: true,
        role: false,
    };
    const NONE: Self = Self {
        spread: false,
        long_retry: false,
        cache: false,
        per_registry: false,
        role: false,
    };
}

/// The calls in a part of the simulated time.
#[derive(Debug, PartialEq, Eq)]
struct Wave {
    calls: u64,
    throttled: u64,
    /// Calls in the busiest second.
    peak: u64,
}

/// The result of a simulation.
#[derive(Debug, PartialEq, Eq)]
struct Rollout {
    /// The calls of ECR and of STS in the first wave.
    first: Wave,
    first_sts: Wave,
    /// When the last image of the first wave had credentials; `None` if one never had.
    complete_at: Option<Ticks>,
    /// Nodes with an image without credentials after 50 seconds.
    waiting: usize,
    second: Wave,
    second_sts: Wave,
    /// Answers without credentials, in both waves. kubelet repeats the pull later.
    failed: u64,
}

/// The time limits and waits of both kinds of requests.
struct Patiences {
    of_nodes: Patience,
    of_clients: Patience,
}

impl Patiences {
    fn new() -> Self {
        fastrand::seed(1);
        let mut config = Config::default();
        config.timeout = LIMIT;
        // As the role of an instance.
        let env = Env::from_variables([]);
        Self {
            of_nodes: Patience::of(&Tokens::for_node(&env, &config), 100),
            of_clients: Patience::of(&Tokens::new(&env, &config), 100),
        }
    }
}

/// The same each time: the program's random numbers begin with a seed, as do the SDK's in
/// [`Patiences::new`]. With fewer nodes than [`NODES`], the quota is lower in proportion.
fn simulate(measures: Measures, quota: Quota, nodes: usize, patiences: &Patiences) -> Rollout {
    fastrand::seed(1);
    let patience = if measures.long_retry {
        &patiences.of_nodes
    } else {
        &patiences.of_clients
    };
    let [ecr, sts] = [quota, STS_QUOTA].map(|quota| Api::new(quota.for_nodes(nodes)));
    let mut nodes = Nodes::new(measures, nodes, patience, ecr, sts);
    nodes.run();
    nodes.rollout()
}
