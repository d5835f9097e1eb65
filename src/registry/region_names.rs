//! Which region names AWS could have, to warn of misspelled ones.
//!
//! Not a list of regions: it would reject each new one. AWS composes the names from an area, a
//! direction and a number, and a misspelled part fits no area or direction.

use super::names::{Partition, Region};
use crate::nearest::nearest_within;

const DIRECTIONS: [&str; 9] = [
    "central",
    "east",
    "north",
    "northeast",
    "northwest",
    "south",
    "southeast",
    "southwest",
    "west",
];

fn areas(partition: Partition) -> &'static [&'static str] {
    match partition {
        Partition::Aws => &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"],
        Partition::AwsUsGov => &["us-gov"],
        Partition::AwsCn => &["cn"],
        Partition::AwsEusc => &["eusc-de"],
        Partition::AwsIso => &["us-iso"],
        Partition::AwsIsoB => &["us-isob"],
        Partition::AwsIsoE => &["eu-isoe"],
        Partition::AwsIsoF => &["us-isof"],
    }
}

/// A region name that no partition has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRegion {
    /// The name that was probably meant.
    pub nearest: Option<String>,
}

impl Region {
    /// `None` if a partition can have a region of this name.
    pub fn check_name(&self) -> Option<UnknownRegion> {
        let (stem, number) = self.as_str().rsplit_once('-')?;
        // Of names that are equally near, the first is meant: that of `aws`.
        let known: Vec<String> = Partition::sorted()
            .into_iter()
            .flat_map(areas)
            .flat_map(|area| DIRECTIONS.map(|direction| format!("{area}-{direction}")))
            .collect();
        if known.iter().any(|known| known == stem) {
            return None;
        }
        let nearest = nearest_within(2, stem, known.iter().map(String::as_str));
        Some(UnknownRegion {
            nearest: nearest.map(|stem| format!("{stem}-{number}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_region_finds_its_neighbour_and_real_ones_pass() {
        for region in [
            "eu-west-1",
            "us-east-2",
            "ap-southeast-5",
            "me-central-1",
            "us-gov-west-1",
            "cn-northwest-1",
            "eusc-de-east-1",
            "us-isob-east-1",
            "eu-isoe-west-1",
            "us-isof-south-1",
        ] {
            assert_eq!(region.parse::<Region>().unwrap().check_name(), None);
        }
        for (written, nearest) in [
            ("eu-wets-1", Some("eu-west-1")),
            ("us-esat-2", Some("us-east-2")),
            ("ap-souteast-2", Some("ap-southeast-2")),
            ("zz-nowhere-1", None),
        ] {
            let unknown = written.parse::<Region>().unwrap().check_name().unwrap();
            assert_eq!(unknown.nearest.as_deref(), nearest, "{written}");
        }
    }
}
