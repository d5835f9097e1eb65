//! Variables whose names are almost those of this program. Without an error they would be ignored
//! in silence, and another identity than the one that was meant would request the token.
//!
//! Names that are not near are left alone. Kubernetes sets `ECRX_SERVICE_HOST`,
//! `ECRX_PORT_443_TCP` and more in every pod if a Service is called `ecrx`.
//!
//! A name may also be right, and belong to a script. An error about it stops a pull that works, but
//! says how to go on; no error about a wrong one means another identity. So a plural is near
//! (`ECRX_PROFILES`, `ECRX_REGIONS`), though it may be a list. Another word is not (`ECRX_PROFILER`,
//! `ECRX_REASON`). After another beginning than `ECRX`, such as `ERCX`, the rest must be right.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use strsim::osa_distance;

use crate::env::{Env, PER_ACCOUNT, var};
use crate::error::nearest_within;
use crate::registry::AccountId;

/// So many letters may be wrong. At three, a Service called `ecrx-role` would give a near name.
const MOST_WRONG: usize = 2;

/// With two wrong letters, a shorter name is another word, unless both are missing.
const LONG: usize = 9;

/// What all names begin with.
const START: &str = "ECRX";

/// Other names for the same settings, such as those of AWS's variables after `AWS_`.
const OTHER_NAMES: [(&str, &str); 9] = [
    ("AWS_PROFILE", var::ECRX_PROFILE),
    ("AWS_REGION", var::ECRX_REGION),
    ("AWS_ROLE_ARN", var::ECRX_ROLE_ARN),
    ("CONFIG_FILE", var::ECRX_CONFIG),
    ("DEFAULT_PROFILE", var::ECRX_PROFILE),
    ("DEFAULT_REGION", var::ECRX_REGION),
    ("PROFILE_NAME", var::ECRX_PROFILE),
    ("REGION_NAME", var::ECRX_REGION),
    ("SESSION_NAME", var::ECRX_ROLE_SESSION_NAME),
];

/// What may be between the words of a name, and between the digits of an account id.
const SEPARATORS: [char; 2] = ['_', '-'];

/// A variable that is not known, and whose name is almost one that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misspelled {
    pub variable: String,
    /// The known variable that was probably meant.
    nearest: &'static str,
    account: Account,
}

/// The account at the end of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Account {
    Absent,
    /// Its digits, which may have been written in an odd way.
    Id(String),
    /// Not as many digits as an account id has.
    Wrong,
    /// The variable does not exist for a single account.
    Unused,
}

impl Misspelled {
    /// All of an environment, sorted by name.
    pub(crate) fn all(env: &Env) -> Vec<Self> {
        let names = env.names_in_ecrx();
        names
            .iter()
            .filter_map(|name| Self::from_name(name))
            .collect()
    }

    /// Of one of [`Env::names_in_ecrx`].
    fn from_name(variable: &str) -> Option<Self> {
        // Windows does not tell capitals from small letters in names of variables.
        if is_known(variable) || (cfg!(windows) && is_known(&variable.to_ascii_uppercase())) {
            return None;
        }
        let name = with_right_start(variable.trim())?;
        let (stem, account) = split_account(&name);
        let nearest = nearest(stem)?;
        let digits: String = account.chars().filter(char::is_ascii_digit).collect();
        let account = match digits.len() {
            0 => Account::Absent,
            _ if !PER_ACCOUNT.contains(&nearest) => Account::Unused,
            _ if digits.parse::<AccountId>().is_ok() => Account::Id(digits),
            _ => Account::Wrong,
        };
        Some(Self {
            variable: variable.to_owned(),
            nearest,
            account,
        })
    }

    /// Whether the variable that was meant chooses an identity or belongs to one.
    pub(super) fn is_of_identity(&self) -> bool {
        ![var::ECRX_CONFIG, var::ECRX_LOG].contains(&self.nearest)
    }

    /// Those that were meant for `ECRX_CONFIG`. If a host is not known, the file that they name may
    /// say which registry it is.
    pub(crate) fn meant_for_config(env: &Env) -> Vec<Self> {
        let mut all = Self::all(env);
        all.retain(|misspelled| misspelled.nearest == var::ECRX_CONFIG);
        all
    }

    pub(crate) fn hint(&self) -> String {
        format!("Rename or unset {}", self.shown())
    }

    /// The variable, so that blanks in its name can be seen.
    fn shown(&self) -> Cow<'_, str> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || SEPARATORS.contains(&c);
        if self.variable.chars().all(is_plain) {
            Cow::Borrowed(&self.variable)
        } else {
            Cow::Owned(format!("`{}`", self.variable))
        }
    }
}

impl fmt::Display for Misspelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (variable, nearest) = (self.shown(), self.nearest);
        write!(f, "unknown variable {variable}; did you mean {nearest}")?;
        match &self.account {
            Account::Absent => f.write_str("?"),
            Account::Id(id) => write!(f, "_{id}?"),
            Account::Wrong => f.write_str("_<account>, with a 12-digit account ID?"),
            Account::Unused => f.write_str(", which has no per-account form?"),
        }
    }
}

fn is_known(name: &str) -> bool {
    let is_of_account = |own: &&str| {
        let end = name
            .strip_prefix(*own)
            .and_then(|end| end.strip_prefix('_'));
        end.is_some_and(|account| account.parse::<AccountId>().is_ok())
    };
    var::OWN.contains(&name) || PER_ACCOUNT.iter().any(is_of_account)
}

/// The account at the end of a name, apart from the name.
fn split_account(name: &str) -> (&str, &str) {
    let is_of_account = |c: char| c.is_ascii_digit() || SEPARATORS.contains(&c);
    let stem = match name.find(|c: char| c.is_ascii_digit()) {
        Some(first) if is_almost_account(&name[first..]) => {
            without_letters(name[..first].trim_end_matches(SEPARATORS))
        }
        _ => name.trim_end_matches(is_of_account),
    };
    name.split_at(stem.len())
}

/// A name before the digits of an account, without letters that are in place of the first of them.
fn without_letters(name: &str) -> &str {
    match name.rfind(SEPARATORS) {
        Some(end) if name.len() - end - 1 <= MOST_WRONG => name[..end].trim_end_matches(SEPARATORS),
        _ => name,
    }
}

/// Whether a text has about as many digits as an account id, and few letters among them: O for 0.
fn is_almost_account(text: &str) -> bool {
    const FEWEST_DIGITS: usize = 12 - MOST_WRONG;
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let separators = text.chars().filter(|c| SEPARATORS.contains(c)).count();
    digits >= FEWEST_DIGITS && text.chars().count() - digits - separators <= MOST_WRONG
}

/// The name with the beginning that all names have. Another beginning is a wrong one only if what
/// follows is right.
fn with_right_start(name: &str) -> Option<Cow<'_, str>> {
    let (start, rest) = name.split_at_checked(START.len())?;
    if start.eq_ignore_ascii_case(START) {
        return Some(Cow::Borrowed(name));
    }
    let right = format!("{START}{rest}");
    is_known(&right).then_some(Cow::Owned(right))
}

/// The known name that is near. What all names begin with has no part in how near it is. Only this
/// program sets `ECRX_HANDED_OVER`.
fn nearest(name: &str) -> Option<&'static str> {
    let word = name.get(START.len()..)?.trim_start_matches(SEPARATORS);
    let plain = word.to_ascii_uppercase().replace('-', "_");
    if let Some((_, own)) = OTHER_NAMES.iter().find(|(other, _)| *other == plain) {
        return Some(own);
    }
    let meant = var::OWN.iter().filter(|own| **own != var::ECRX_HANDED_OVER);
    let end = nearest_within(
        MOST_WRONG,
        word,
        meant.clone().filter_map(|own| end_of(own)),
    )?;
    let own = meant.copied().find(|own| end_of(own) == Some(end));
    own.filter(|_| !is_another_word(&plain, end))
}

/// Whether a word near a known one is probably meant as it is: with a letter at its end that is
/// neither a plural's nor the last one again, or short and with two wrong letters (REASON, REGION).
fn is_another_word(word: &str, known: &str) -> bool {
    if let Some(added) = word.strip_prefix(known) {
        return !matches!(added, "" | "S") && !known.ends_with(added);
    }
    let parts = word.split('_').zip(known.split('_'));
    if parts
        .clone()
        .any(|(part, known)| is_another_short_word(part, known))
    {
        return true;
    }
    let are_missing = known.len() == word.len() + MOST_WRONG;
    known.len() < LONG && !are_missing && osa_distance(word, known) == MOST_WRONG
}

/// Whether a part of a name is not a short one of a known name with its letters in another order, with
/// one missing, or in plural: IP is not ID, LOC not LOG.
fn is_another_short_word(part: &str, known: &str) -> bool {
    const SHORT: usize = 3;
    let sorted = |word: &str| {
        let mut letters = word.as_bytes().to_vec();
        letters.sort_unstable();
        letters
    };
    let is_longer = || {
        let added = part.strip_prefix(known);
        added.is_some_and(|added| added == "S" || known.ends_with(added))
    };
    let is_near = match part.len().cmp(&known.len()) {
        Ordering::Less => true,
        Ordering::Equal => sorted(part) == sorted(known),
        Ordering::Greater => is_longer(),
    };
    known.len() <= SHORT && !is_near
}

fn end_of(own: &'static str) -> Option<&'static str> {
    own.strip_prefix(START)?.strip_prefix('_')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn told(name: &str) -> Option<String> {
        let all = Misspelled::all(&Env::from_variables([(name, "x")]));
        all.first().map(Misspelled::to_string)
    }

    #[test]
    fn a_name_that_is_almost_known_names_the_known_one() {
        for (name, meant) in [
            ("ECRX_PROFIL", "ECRX_PROFILE"),
            ("ECRX_PROFIEL", "ECRX_PROFILE"),
            ("ECRX_PROFILES", "ECRX_PROFILE"),
            ("ECRX_PROFILE_", "ECRX_PROFILE"),
            ("ECRX-PROFILE", "ECRX_PROFILE"),
            ("ECRXPROFILE", "ECRX_PROFILE"),
            ("ECRX__PROFILE", "ECRX_PROFILE"),
            ("ECRX_ROLEARN", "ECRX_ROLE_ARN"),
            ("ECRX_ROLE_ANR", "ECRX_ROLE_ARN"),
            ("ECRX_ROLE-ARN", "ECRX_ROLE_ARN"),
            ("ECRX_ROLE", "ECRX_ROLE_ARN"),
            ("ECRX_EXTERNALID", "ECRX_EXTERNAL_ID"),
            ("ECRX_EXTERNAL", "ECRX_EXTERNAL_ID"),
            ("ECRX_ROLE_SESION_NAME", "ECRX_ROLE_SESSION_NAME"),
            ("ECRX_REGOIN", "ECRX_REGION"),
            ("ECRX_CONFG", "ECRX_CONFIG"),
            ("ECRX_CONF", "ECRX_CONFIG"),
            ("ECRX_LOGS", "ECRX_LOG"),
            ("ECRX_PROFIL_111122223333", "ECRX_PROFILE_111122223333"),
            ("ECRX_PROFILE111122223333", "ECRX_PROFILE_111122223333"),
            ("ECRX_PROFILE__111122223333", "ECRX_PROFILE_111122223333"),
            ("ECRX_PROFILE-111122223333", "ECRX_PROFILE_111122223333"),
            ("ECRX_PROFILE_1111-2222-3333", "ECRX_PROFILE_111122223333"),
            ("ECRX_ROLE_ARN_1111_2222_3333", "ECRX_ROLE_ARN_111122223333"),
            ("ECRX_ROLE_111122223333", "ECRX_ROLE_ARN_111122223333"),
            ("ECRX_ROLE_ARN_111122223333_", "ECRX_ROLE_ARN_111122223333"),
            ("ECRX_ROLE_ARN_111122223333X", "ECRX_ROLE_ARN_111122223333"),
            ("ECRX_PR0FILE", "ECRX_PROFILE"),
            ("ECRX_PROFILEE", "ECRX_PROFILE"),
            ("ECRX_REGIONS", "ECRX_REGION"),
            ("ECRX_ROLE_ARNS_111122223333", "ECRX_ROLE_ARN_111122223333"),
            ("ECRX_PROFILE_NAME", "ECRX_PROFILE"),
            (
                "ECRX_PROFILE_NAME_111122223333",
                "ECRX_PROFILE_111122223333",
            ),
            ("ECRX_DEFAULT_PROFILE", "ECRX_PROFILE"),
            ("ECRX_AWS_PROFILE", "ECRX_PROFILE"),
            ("ECRX_DEFAULT_REGION", "ECRX_REGION"),
            ("ECRX_SESSION_NAME", "ECRX_ROLE_SESSION_NAME"),
            ("ECRX_CONFIG_FILE", "ECRX_CONFIG"),
        ] {
            let expected = format!("unknown variable {name}; did you mean {meant}?");
            assert_eq!(told(name), Some(expected));
        }
    }

    #[test]
    fn after_a_misspelled_beginning_only_a_name_that_is_right_is_near() {
        for own in var::OWN.iter().filter(|own| **own != var::ECRX_HANDED_OVER) {
            let end = own.strip_prefix(START).unwrap();
            for start in ["ERCX", "CERX", "ECXR", "WCRX", "EVRX", "ECTX"] {
                let name = format!("{start}{end}");
                let expected = format!("unknown variable {name}; did you mean {own}?");
                assert_eq!(told(&name), Some(expected));
                for wrong in [
                    format!("{name}S"),
                    format!("{start}{}", &end[..end.len() - 1]),
                ] {
                    assert_eq!(told(&wrong), None, "{wrong}");
                }
            }
            // ECR alone is another word, and what follows it another name.
            for start in ["ECR", "ECRS", "ECR2", "CRX", "EECRX", "AWS"] {
                assert_eq!(told(&format!("{start}{end}")), None, "{start}{end}");
            }
        }
        assert_eq!(
            told("ECXR_ROLE_ARN_111122223333").as_deref(),
            Some(
                "unknown variable ECXR_ROLE_ARN_111122223333; did you mean ECRX_ROLE_ARN_111122223333?"
            )
        );
        for name in ["ERCX_ROLE_ARN_99999999999", "ERCX", "ERCX_", "ERCXPROFILE"] {
            assert_eq!(told(name), None, "{name}");
        }
    }

    #[test]
    fn blanks_around_a_name_are_shown() {
        for name in [
            " ECRX_PROFILE",
            "ECRX_PROFILE ",
            "\tECRX_PROFILE",
            " ERCX_PROFILE",
        ] {
            let expected = format!("unknown variable `{name}`; did you mean ECRX_PROFILE?");
            assert_eq!(told(name), Some(expected));
            let misspelled = Misspelled::from_name(name).unwrap();
            assert_eq!(misspelled.hint(), format!("Rename or unset `{name}`"));
        }
    }

    #[test]
    fn the_variable_that_this_program_sets_itself_is_never_suggested() {
        for name in [
            "ECRX_HANDED_OVR",
            "ECRX_HANDED",
            "ECRX_HANDEDOVER",
            "ecrx_handed_over_",
            "ERCX_HANDED_OVER",
            "ECRX_HANDED_OVER_111122223333",
        ] {
            assert_eq!(told(name), None, "{name}");
        }
    }

    #[cfg(not(windows))]
    #[test]
    fn a_name_in_another_case_is_almost_known() {
        for (name, meant) in [
            ("ecrx_profile", "ECRX_PROFILE"),
            ("Ecrx_Role_Arn_111122223333", "ECRX_ROLE_ARN_111122223333"),
        ] {
            let expected = format!("unknown variable {name}; did you mean {meant}?");
            assert_eq!(told(name), Some(expected));
        }
    }

    #[test]
    fn an_account_that_has_not_12_digits_is_told() {
        for (name, meant) in [
            ("ECRX_ROLE_ARN_99999999999", "ECRX_ROLE_ARN"),
            ("ECRX_ROLE_ARN_9999999999990", "ECRX_ROLE_ARN"),
            ("ECRX_PROFIL_99999999999", "ECRX_PROFILE"),
            ("ECRX_PROFILE_2", "ECRX_PROFILE"),
            ("ECRX_ROLE_ARN_11112222333O", "ECRX_ROLE_ARN"),
            ("ECRX_ROLE_ARN_O11122223333", "ECRX_ROLE_ARN"),
            ("ECRX_ROLE_ARN_1111-2222-33ll", "ECRX_ROLE_ARN"),
        ] {
            let expected = format!(
                "unknown variable {name}; did you mean {meant}_<account>, with a 12-digit account ID?"
            );
            assert_eq!(told(name), Some(expected));
        }
    }

    #[test]
    fn a_variable_without_a_form_for_an_account_says_so() {
        let without = var::OWN.iter().filter(|own| !PER_ACCOUNT.contains(own));
        for own in without.filter(|own| **own != var::ECRX_HANDED_OVER) {
            let expected = format!(
                "unknown variable {own}_111122223333; did you mean {own}, which has no per-account form?"
            );
            assert_eq!(told(&format!("{own}_111122223333")), Some(expected));
        }
    }

    #[test]
    fn known_names_are_right() {
        let of_account = |own: &&str| format!("{own}_111122223333");
        let accounts = PER_ACCOUNT.iter().map(of_account);
        for name in var::OWN.iter().map(|own| (*own).to_owned()).chain(accounts) {
            assert_eq!(told(&name), None, "{name}");
        }
    }

    #[test]
    fn names_that_are_not_near_are_left_alone() {
        for name in [
            "ECRX",
            "ECRX_",
            "ECRX_2",
            "ECRX_EXTERNAL_IP",
            "ECRX_EXTERNAL_DB",
            "ECRX_EXTERNAL_UI",
            "ECRX_ROLE_ARG",
            "ECRX_LOC",
            "ECRX_LOW",
            "ECRX_DOG",
            "ECRX_BLOG",
            "ECRX_VERSION",
            "ECRX_TAG",
            "ECRX_ORG",
            "ECRX_DIR",
            "ECRX_LOGIN",
            "ECRX_LOGO",
            "ECRX_REASON",
            "ECRX_CONFIRM",
            "ECRX_PROFIT",
            "ECRX_PROFILER",
            "ECRX_PROFILED",
            "ECRX_ROLE_URL",
            "ECRX_REGION_A",
            "ECRX_REGIONAL",
            "ECRX_DEFAULT",
            "ECRX_DEFAULT_LOG",
            "ECRX_NAME",
            "ECRX_HOME",
            "ECRX_TOKEN",
            "ECRX_ACCOUNT",
            "ECRX_ACCOUNT_111122223333",
            "ECRX_IMAGE_2",
            "ECRX_PROFILE_111122223333_NAME",
            "ECRX_PROFILE_OF_2026_11_29",
            "ECRX_IMAGE_11112222333O",
            "ECRXTRA_SPEED",
            "ECRX_\u{fffd}\u{fffd}\u{fffd}",
            // Those of this project's own tests and benches.
            "ECRX_BENCH_ROUNDS",
            "ECRX_BLESS",
            "ECRX_SOAK_SECONDS",
            "ECRX_SOAK_SEED",
            "ECRX_TEST_CLIENTS",
            "ECRX_TEST_CLOCK",
            "ECRX_TEST_DIST",
            "ECRX_TEST_QUESTION",
            "ECRX_TEST_TIME_LIMIT",
        ] {
            assert_eq!(told(name), None, "{name}");
        }
        assert_eq!(told(&format!("ECRX_{}", "9".repeat(10_000))), None);
        assert_eq!(told(&format!("ECRX_{}", "PROFILE".repeat(1_000))), None);
    }

    /// The variables of a Service (Kubernetes, `pkg/kubelet/envvars/envvars.go`).
    fn variables_of_service(service: &str) -> Vec<String> {
        let service = service.to_uppercase().replace('-', "_");
        let mut ends = vec!["_SERVICE_HOST".to_owned(), "_PORT".to_owned()];
        for port in ["", "_HTTP", "_HTTPS", "_LOG", "_ID", "_ARN", "_P1", "_1A"] {
            ends.push(format!("_SERVICE_PORT{port}"));
        }
        for port in ["1_TCP", "443_TCP", "53_UDP", "65535_SCTP"] {
            for end in ["", "_PROTO", "_PORT", "_ADDR"] {
                ends.push(format!("_PORT_{port}{end}"));
            }
        }
        ends.iter().map(|end| format!("{service}{end}")).collect()
    }

    #[test]
    fn the_variables_of_a_kubernetes_service_are_never_near() {
        // Every beginning of a known name, alone and with more after it.
        let others = OTHER_NAMES.map(|(other, _)| format!("{START}_{other}"));
        let names = var::OWN
            .iter()
            .copied()
            .chain(others.iter().map(String::as_str));
        let beginnings: BTreeSet<String> = names
            .flat_map(|name| (START.len()..=name.len()).map(|end| &name[..end]))
            .map(|start| start.trim_end_matches('_').to_lowercase().replace('_', "-"))
            .flat_map(|name| {
                ["ecrx", "ercx", "ecxr", "wcrx"].map(|start| name.replacen("ecrx", start, 1))
            })
            .collect();
        let mut checked = 0;
        for beginning in beginnings {
            for end in ["", "s", "-2", "-111122223333", "-config", "-log"] {
                for name in variables_of_service(&format!("{beginning}{end}")) {
                    assert_eq!(told(&name), None, "{name}");
                    checked += 1;
                }
            }
        }
        assert!(checked > 5_000, "{checked}");
    }
}
