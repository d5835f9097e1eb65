//! What is on the disk, as far as the protocol knows it.

use super::super::{Lock, Sight};
use crate::cache::Seat;

/// A token's age: as it was fetched; past its renewal; past its end.
pub(super) type Age = u8;
pub(super) const STALE: Age = 1;
pub(super) const EXPIRED: Age = 2;

/// A lock file, whether it still has a name or not.
pub(super) type Inode = u8;

/// A token, told from others by its number: of two, the one that was fetched later has the higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Token {
    pub(super) number: u8,
    pub(super) age: Age,
}

/// The files of one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Files {
    pub(super) entry: Option<Token>,
    /// Failures without a token that are remembered: none, the first, the second.
    pub(super) failures: u8,
    /// A renewal that failed is remembered.
    pub(super) failed_renewal: bool,
    pub(super) locks: [Option<Inode>; 3],
}

/// What a look at an entry shows.
pub(super) fn sight_of(token: Option<Token>) -> Sight {
    match token.map(|token| token.age) {
        None | Some(EXPIRED..) => Sight::Nothing,
        Some(STALE) => Sight::Stale,
        Some(_) => Sight::Fresh,
    }
}

impl Files {
    /// The lock file of that name.
    pub(super) fn lock(&mut self, seat: Seat) -> &mut Option<Inode> {
        &mut self.locks[match seat {
            Seat::First => 0,
            Seat::Second => 1,
            Seat::Third => 2,
        }]
    }

    /// Whether a process has opened one of the further locks.
    pub(super) fn is_overtaken(&self) -> bool {
        self.locks[1..].iter().any(Option::is_some)
    }

    pub(super) fn locks(&self) -> impl Iterator<Item = Inode> {
        self.locks.into_iter().flatten()
    }
}

impl super::world::World {
    /// The lock file of that name, for a process of this entry.
    pub(super) fn named(&mut self, entry: usize, lock: Lock) -> &mut Option<Inode> {
        match lock {
            Lock::Entry(seat) => self.files[entry].lock(seat),
            Lock::Prompt => &mut self.prompt,
        }
    }

    /// Opens a lock file, and makes it where there is none.
    pub(super) fn open(&mut self, entry: usize, lock: Lock) -> Inode {
        let fresh = self.unused();
        *self.named(entry, lock).get_or_insert(fresh)
    }

    /// An inode without a name that no process has open. The lowest, so that equal worlds look
    /// equal.
    fn unused(&self) -> Inode {
        let named = self.files.iter().flat_map(Files::locks).chain(self.prompt);
        let open = self.processes.iter().flat_map(|process| process.inodes());
        let used: Vec<Inode> = named.chain(open).collect();
        (0..)
            .find(|inode| !used.contains(inode))
            .expect("few are used")
    }

    /// Another process that holds that lock.
    pub(super) fn holder(&self, who: usize, inode: Inode) -> Option<&super::world::ModelProcess> {
        let others = self.processes.iter().enumerate();
        others
            .filter(|(other, _)| *other != who)
            .map(|(_, process)| process)
            .find(|process| process.locks().any(|held| held == inode))
    }
}
