//! What the system refuses: disks that are full, file systems that cannot be written or locked.

mod disk;
mod each_call;
mod full_disk;
mod no_locks;
