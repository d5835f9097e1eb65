//! A situation on disk, written in one of many ways, and the key that comes of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::cache::Key;
use crate::config::{Config, ConfigPaths};
use crate::env::Env;
use crate::identity::Resolver;

use super::situation::{InputPlace, Situation};
use super::writing::{Pen, aws_files, toml_file};

/// A home folder that many situations are written into, one after the other. What does not
/// change is left alone, so that a sign-in keeps its birth.
pub(super) struct SituationHome {
    folder: TempDir,
    written: RefCell<HashMap<String, String>>,
    sign_ins: RefCell<HashMap<String, String>>,
}

impl SituationHome {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            written: RefCell::default(),
            sign_ins: RefCell::default(),
        }
    }

    /// Whether its file system tells when files were made. Wine's tells when they were changed.
    pub(super) fn knows_births(&self) -> bool {
        static KNOWN: OnceLock<bool> = OnceLock::new();

        *KNOWN.get_or_init(|| {
            let path = self.folder.path().join("probe");
            let birth = || fs::metadata(&path).unwrap().created().ok();
            fs::write(&path, "").unwrap();
            let first = birth();
            std::thread::sleep(Duration::from_millis(50));
            fs::write(&path, "changed").unwrap();
            first.is_some() && birth() == first
        })
    }

    /// The key of a situation, plainly written; `None` if there is no identity.
    pub(super) fn key(&self, situation: &Situation) -> Option<Key> {
        self.key_as_written(situation, &mut Pen::plain())
    }

    /// The same, written by this pen.
    pub(super) fn key_as_written(&self, situation: &Situation, pen: &mut Pen) -> Option<Key> {
        let [config, credentials] = aws_files(situation, pen);
        self.write(".aws/config", &config);
        self.write(".aws/credentials", &credentials);
        self.write("config.toml", &toml_file(situation, pen));
        for input in &situation.inputs {
            match (&input.place, &input.value) {
                (InputPlace::File(name), Some(text)) => self.write(name, text),
                (InputPlace::SignIn(name), Some(number)) => self.sign_in(name, number),
                _ => {}
            }
        }
        self.resolve(situation)
    }

    /// The files as they were written last.
    pub(super) fn text(&self) -> String {
        let written = self.written.borrow();
        let names = [".aws/config", ".aws/credentials", "config.toml"];
        let text = |name| Some(format!("== {name}\n{}\n", written.get(name)?));
        names.into_iter().filter_map(text).collect()
    }

    fn resolve(&self, situation: &Situation) -> Option<Key> {
        let home = self.folder.path().to_str().unwrap();
        let mut variables = BTreeMap::from([("HOME", home.to_owned())]);
        for input in &situation.inputs {
            if let (InputPlace::Variable(name), Some(value)) = (&input.place, &input.value) {
                variables.insert(name, value.replace("{home}", home));
            }
        }
        let variables = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let called_as = situation.get(&InputPlace::CalledAs).map(str::to_owned);
        let env = Env::from_variables(variables).called_as(called_as);
        let paths = ConfigPaths {
            explicit: Some(self.folder.path().join("config.toml")),
            ..ConfigPaths::default()
        };
        let config = Config::load(&paths).unwrap_or_else(|error| panic!("{error}\n{situation:?}"));
        let server = situation.get(&InputPlace::Server).unwrap();
        let registry = config.registry(server).unwrap();
        let identity = Resolver::new(&env, &config)
            .resolve((&registry).into())
            .ok()?;
        Some(super::super::entry(&registry, &identity))
    }

    fn write(&self, name: &str, text: &str) {
        let text = text.replace("{home}", self.folder.path().to_str().unwrap());
        let mut written = self.written.borrow_mut();
        if written.get(name) != Some(&text) {
            let path = self.folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &text).unwrap();
            written.insert(name.to_owned(), text);
        }
    }

    /// Makes the file of another sign-in anew.
    fn sign_in(&self, name: &str, number: &str) {
        let known = self.sign_ins.borrow().get(name).cloned();
        if let Some(known) = known.filter(|known| known != number) {
            let path = self.folder.path().join(name);
            let began_at = began_at(&path);
            let text = fs::read(&path).unwrap();
            // The clock of file systems has a coarse tick.
            let deadline = Instant::now() + Duration::from_secs(10);
            while began_at_again(&path, &text) == began_at {
                assert!(Instant::now() < deadline, "{known} was signed in at once");
            }
        }
        let mut sign_ins = self.sign_ins.borrow_mut();
        sign_ins.insert(name.to_owned(), number.to_owned());
    }
}

fn began_at_again(path: &Path, text: &[u8]) -> Option<std::time::SystemTime> {
    fs::remove_file(path).unwrap();
    fs::write(path, text).unwrap();
    began_at(path)
}

fn began_at(path: &Path) -> Option<std::time::SystemTime> {
    let file = fs::metadata(path).unwrap();
    file.created().or_else(|_| file.modified()).ok()
}
