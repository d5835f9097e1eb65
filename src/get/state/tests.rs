//! Every order in which several processes can take their steps, by a model checker.

use stateright::{Checker as _, Expectation, Model as _};

use super::model::{Budget, Protocol, Sabotage};

const NOTHING: Budget = Budget {
    ticks: 0,
    crashes: 0,
    stops: 0,
    refusals: 0,
};

/// One of each trouble.
const ALL: Budget = Budget {
    ticks: 1,
    crashes: 1,
    stops: 1,
    refusals: 1,
};

/// Every two troubles of different kinds.
fn pairs() -> [Budget; 6] {
    [
        Budget {
            ticks: 0,
            crashes: 0,
            ..ALL
        },
        Budget {
            ticks: 0,
            stops: 0,
            ..ALL
        },
        Budget {
            ticks: 0,
            refusals: 0,
            ..ALL
        },
        Budget {
            crashes: 0,
            stops: 0,
            ..ALL
        },
        Budget {
            crashes: 0,
            refusals: 0,
            ..ALL
        },
        Budget {
            stops: 0,
            refusals: 0,
            ..ALL
        },
    ]
}

/// Three `get`s of one entry.
fn herd() -> Protocol {
    Protocol {
        gets: vec![0, 0, 0],
        sweeps: 0,
        asks: false,
        budget: NOTHING,
        sabotage: Sabotage::None,
    }
}

/// Two of them, and all that can happen to them.
fn couple() -> Protocol {
    Protocol {
        gets: vec![0, 0],
        budget: ALL,
        ..herd()
    }
}

/// Walks all states, and expects that nothing happens that never may.
#[track_caller]
fn holds(protocol: Protocol) {
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    for property in checker.model().properties() {
        if property.expectation == Expectation::Always {
            checker.assert_no_discovery(property.name);
        }
    }
}

/// Expects this property to fail.
#[track_caller]
fn fails(protocol: Protocol, sabotage: Sabotage, property: &'static str) {
    let protocol = Protocol {
        sabotage,
        ..protocol
    };
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    checker.assert_any_discovery(property);
}

#[test]
fn several_processes_keep_to_the_protocol_if_any_dies_or_is_stopped() {
    for budget in pairs() {
        holds(Protocol { budget, ..herd() });
    }
}

#[test]
#[ignore = "millions of states: .ci/run"]
fn several_processes_keep_to_the_protocol_whatever_happens_together() {
    holds(Protocol {
        budget: ALL,
        ..herd()
    });
}

#[test]
#[ignore = "millions of states: .ci/run"]
fn three_processes_that_share_a_terminal_keep_to_the_protocol() {
    for budget in pairs() {
        holds(Protocol {
            gets: vec![0, 0, 1],
            asks: true,
            budget,
            ..herd()
        });
    }
}

#[test]
fn housekeeping_and_two_processes_keep_to_the_protocol() {
    for budget in pairs() {
        holds(Protocol {
            sweeps: 1,
            budget,
            ..couple()
        });
    }
}

#[test]
fn entries_that_share_a_terminal_keep_to_the_protocol() {
    holds(Protocol {
        gets: vec![0, 1],
        asks: true,
        ..couple()
    });
}

/// Four of them, whom AWS refuses whatever they ask.
fn refused() -> Protocol {
    Protocol {
        gets: vec![0, 0, 0, 0],
        budget: Budget {
            refusals: 4,
            ..NOTHING
        },
        ..herd()
    }
}

#[test]
fn after_a_failure_only_the_next_process_in_line_tries_again() {
    holds(refused());
    holds(Protocol {
        gets: vec![0, 0, 0],
        budget: Budget { refusals: 3, ..ALL },
        ..herd()
    });
}

#[test]
fn without_a_memory_a_failure_is_multiplied() {
    fails(refused(), Sabotage::NoMemory, "a failure is shared");
}

#[test]
fn every_end_can_come_about() {
    // When all who hold locks are stopped, the last is told.
    let stopped = Protocol {
        budget: Budget {
            stops: 3,
            ..NOTHING
        },
        ..refused()
    };
    let all: [(Protocol, &[&str]); 3] = [
        (
            couple(),
            &[
                "all share one token",
                "the old token is answered",
                "a denial is reported",
                "a failure is reported",
            ],
        ),
        (refused(), &["a remembered failure is reported"]),
        (stopped, &["that all are stopped is reported"]),
    ];
    for (protocol, ends) in all {
        let checker = protocol.checker().threads(2).spawn_bfs().join();
        for end in ends {
            checker.assert_any_discovery(end);
        }
    }
}

#[test]
fn without_the_lock_several_fetch_at_once() {
    fails(herd(), Sabotage::NoLock, "one fetches at a time");
}

#[test]
fn without_the_second_look_processes_fetch_more_than_once() {
    let property = "no process fetches a cached token";
    fails(herd(), Sabotage::NoSecondLook, property);
}

#[test]
fn without_the_last_look_an_expired_token_is_answered() {
    let property = "no expired token is answered";
    fails(couple(), Sabotage::NoLastLook, property);
}

#[test]
fn without_overtaking_a_stopped_process_blocks_the_others() {
    fails(couple(), Sabotage::NoOvertaking, "no process is stuck");
}

#[test]
fn without_a_look_at_the_name_a_removed_lock_excludes_no_process() {
    let swept = Protocol {
        sweeps: 1,
        ..herd()
    };
    fails(swept, Sabotage::NoLookAtTheName, "one fetches at a time");
}

#[test]
fn without_a_second_look_of_sweeps_an_entry_is_lost() {
    let swept = Protocol {
        sweeps: 1,
        ..herd()
    };
    fails(swept, Sabotage::NoSecondLookOfSweeps, "no entry is lost");
}
