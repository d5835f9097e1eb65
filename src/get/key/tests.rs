//! Any one input that decides who asks is changed, and the key changes; any other, or the way in
//! which they are written down, and it stays. Two who ask never have one key.

mod bystanders;
mod endpoints;
mod home;
mod inputs;
mod kind;
mod layers;
mod plan;
mod situation;
mod sources;
mod without_profile;
mod writing;

use proptest::prelude::*;

use home::SituationHome;
use kind::SourceKind;
use plan::{Layer, SituationPlan, pairs, plans};
use situation::{InputPlace, KeyEffect};
use writing::Pen;

/// So many cases, and more in proportion where `PROPTEST_CASES` asks for more than its 256.
fn cases(number: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: number * usual.cases / 256,
        failure_persistence: None,
        ..usual
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_change_of_one_input_changes_the_key_if_it_decides_and_else_does_not(plan in plans()) {
        let home = SituationHome::new();
        let situation = plan.situation();
        let mut before = home.key(&situation);
        prop_assert!(before.is_some(), "there is no identity\n{situation:?}");
        for (at, input) in situation.inputs.iter().enumerate() {
            if matches!(input.place, InputPlace::File(_)) && !home.knows_births() {
                continue;
            }
            for (value, effect) in &input.changes {
                let after = home.key(&situation.with(at, value));
                let same = |part: fn(crate::cache::Key) -> crate::digest::Digest| {
                    before.map(part) == after.map(part)
                };
                let seen = match (same(|key| key.slot()), same(|key| key.owner())) {
                    (true, true) => KeyEffect::Nothing,
                    (true, false) => KeyEffect::Rotates,
                    (false, _) => KeyEffect::Decides,
                };
                prop_assert_eq!(
                    seen,
                    *effect,
                    "{:?} from {:?} to {:?}\n{:?}",
                    input.place,
                    input.value,
                    value,
                    situation
                );
            }
            if matches!(input.place, InputPlace::SignIn(_)) {
                // A new sign-in is another identity.
                before = home.key(&situation);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn the_key_does_not_depend_on_how_the_files_are_written(plan in plans(), seed: u64) {
        let home = SituationHome::new();
        let situation = plan.situation();
        let plain = home.key(&situation);
        prop_assert!(plain.is_some(), "there is no identity\n{situation:?}");
        let whimsical = home.key_as_written(&situation, &mut Pen::whimsical(seed));
        prop_assert_eq!(
            whimsical,
            plain,
            "{:?}\nwritten as:\n{}",
            situation,
            home.text()
        );
    }

    #[test]
    fn two_who_are_not_the_same_never_share_a_key((one, other) in pairs()) {
        let home = SituationHome::new();
        let (one, other) = (one.situation(), other.situation());
        let keys = (home.key(&one), home.key(&other));
        prop_assert!(keys.0.is_some() && keys.1.is_some(), "there is no identity\n{one:?}{other:?}");
        prop_assert_eq!(
            keys.0 == keys.1,
            one.described == other.described,
            "{:?}{:?}",
            one,
            other
        );
    }
}

/// The same keys, which will be renewed apart.
#[test]
fn session_keys_of_two_profiles_have_an_entry_each() {
    let home = SituationHome::new();
    let plan = SituationPlan {
        kind: SourceKind::Session,
        ..SituationPlan::SIMPLE
    };
    let of = |layer| {
        home.key(&SituationPlan { layer, ..plan }.situation())
            .unwrap()
    };
    assert_eq!(of(Layer::AwsProfile), of(Layer::Rule));
    assert_ne!(
        of(Layer::AwsProfile).slot(),
        of(Layer::DefaultProfile).slot()
    );
}

/// Otherwise, an upgrade would request every token again.
#[test]
fn the_key_of_a_role_without_access_is_the_one_from_before_there_was_any() {
    let plan = SituationPlan {
        layer: Layer::Rule,
        role: true,
        ..SituationPlan::SIMPLE
    };
    let key = SituationHome::new().key(&plan.situation()).unwrap();
    let halves = [key.slot().to_string(), key.owner().to_string()];
    assert_eq!(
        halves,
        [
            "9f907ead2f75358db01bd4cc24b63e7b3e8ed41b22ac405e2eefaebcf47c24f6",
            "e88cd7f14830a34ca34e224483c3d77eb31bc1db2a1f944d79c76f2de1b6fb3b"
        ]
    );
}
