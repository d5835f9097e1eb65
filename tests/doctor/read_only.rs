//! A cache that can be read, but not changed.

#[allow(dead_code, reason = "a part is used")]
#[path = "../cache/linux/disk.rs"]
mod disk;

use super::{Ward, app};
use disk::Disk;

#[test]
fn a_rejected_token_that_cannot_be_removed_is_reported() {
    let ward = Ward::new().with_programs();
    let Some(disk) = Disk::new(&ward.environment, "size=1m") else {
        return;
    };
    let held = disk.get(&ward.environment).grant();
    ward.registry.revoke(held.serial);
    disk.remount(&ward.environment, "ro");
    let told = disk.run(&ward.environment, &["doctor", &app()], "");
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(
        told.stdout.contains("could not be removed from the cache"),
        "{}",
        told.stdout
    );
    assert_eq!(disk.get(&ward.environment).grant().serial, held.serial);
}
