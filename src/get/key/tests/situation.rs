//! A situation: all that a `get` finds, input by input, each with what a change of it does.

use std::fmt;

/// Where an input is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum InputPlace {
    /// What the client asks for.
    Server,
    /// The part after `docker-credential-ecrx-` in the program's name.
    CalledAs,
    Variable(&'static str),
    /// A setting of `~/.aws/config`, by section; `ecr.endpoint_url` is a nested one.
    Aws(&'static str, &'static str),
    /// A setting of config.toml, by table; rules are `registry 0` and `registry 1`.
    Toml(&'static str, &'static str),
    /// What a file below the home folder says. Changed, it is written over.
    File(String),
    /// The sign-in in this file, by number. Another number is a file that was made anew.
    SignIn(String),
}

impl InputPlace {
    /// The input's name in the table of all inputs.
    pub(super) fn name(&self) -> String {
        match self {
            InputPlace::Server => "the server".to_owned(),
            InputPlace::CalledAs => "the name called by".to_owned(),
            InputPlace::Variable(name) => (*name).to_owned(),
            InputPlace::Aws(section, key) if section.starts_with("sso-session") => {
                format!("sso-session: {key}")
            }
            InputPlace::Aws(_, key) => format!("profile: {key}"),
            InputPlace::Toml(table, key) => {
                let table = table.split([' ', '.']).next().unwrap_or_default();
                format!("config.toml: {table} {key}").replace("  ", " ")
            }
            InputPlace::File(name) => {
                format!("file: {}", name.rsplit('/').next().unwrap_or_default())
            }
            InputPlace::SignIn(_) => "sign-in".to_owned(),
        }
    }
}

/// What a change does to the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyEffect {
    /// Another identity: another slot.
    Decides,
    /// Another owner of the same slot: the entry is replaced.
    Rotates,
    /// None: the entry is found.
    Nothing,
}

/// One input: what it is, and what it may become.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub place: InputPlace,
    pub value: Option<String>,
    pub changes: Vec<(Option<String>, KeyEffect)>,
}

/// All inputs, and who asks by them.
#[derive(Clone, Default)]
pub(super) struct Situation {
    pub inputs: Vec<Input>,
    /// Everything that AWS could tell one asker and one registry from another by.
    pub described: Vec<String>,
}

impl Situation {
    /// An input whose change has this effect. What is there already stays.
    pub(super) fn add(
        &mut self,
        place: InputPlace,
        value: Option<&str>,
        other: Option<&str>,
        effect: KeyEffect,
    ) {
        if !self.inputs.iter().any(|input| input.place == place) {
            let other = other.map(str::to_owned);
            self.inputs.push(Input {
                place,
                value: value.map(str::to_owned),
                changes: vec![(other, effect)],
            });
        }
    }

    /// An input that is there and decides.
    pub(super) fn decides(&mut self, place: InputPlace, value: &str, other: &str) {
        self.add(place, Some(value), Some(other), KeyEffect::Decides);
    }

    /// An input that is there and never changed.
    pub(super) fn fixed(&mut self, place: InputPlace, value: &str) {
        self.add(place, Some(value), None, KeyEffect::Nothing);
        if let Some(input) = self.inputs.last_mut() {
            input.changes.clear();
        }
    }

    /// An input that is not there and, added, has this effect.
    pub(super) fn absent(&mut self, place: InputPlace, other: &str, effect: KeyEffect) {
        self.add(place, None, Some(other), effect);
    }

    /// One more thing that an input may become.
    pub(super) fn or(&mut self, other: Option<&str>, effect: KeyEffect) {
        if let Some(input) = self.inputs.last_mut() {
            input.changes.push((other.map(str::to_owned), effect));
        }
    }

    /// Says who asks.
    pub(super) fn is(&mut self, part: impl Into<String>) {
        self.described.push(part.into());
    }

    /// The same with one input changed.
    pub(super) fn with(&self, at: usize, value: &Option<String>) -> Self {
        let mut changed = self.clone();
        changed.inputs[at].value.clone_from(value);
        changed
    }

    /// The value at a place.
    pub(super) fn get(&self, place: &InputPlace) -> Option<&str> {
        let input = self.inputs.iter().find(|input| input.place == *place)?;
        input.value.as_deref()
    }
}

/// What is there, one input a line.
impl fmt::Debug for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "identity: {}", self.described.join(", "))?;
        for input in &self.inputs {
            if let Some(value) = &input.value {
                writeln!(f, "  {:?} = {value:?}", input.place)?;
            }
        }
        Ok(())
    }
}
